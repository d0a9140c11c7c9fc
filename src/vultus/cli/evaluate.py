"""``vultus evaluate``: networks against ground truth, and against themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, get_args

import typer

from vultus.cli.arguments import AsJson, Recursive
from vultus.cli.evaluation import Sheet, faces_or_none, name_of, paths_of, run_over, setup, usable
from vultus.cli.options import with_settings
from vultus.cli.pictures import gather
from vultus.cli.progress import watched
from vultus.cli.session import open_engine
from vultus.cli.targets import check_file, write_file
from vultus.errors import GroundTruthError
from vultus.settings import Detection, Inference, Networks, PictureLimits, Settings, load_settings
from vultus.types import Analysis, Face, Plan

if TYPE_CHECKING:
    from vultus.evaluate.verification import Comparisons, Pairs

EXIT_CODES = (
    "Exit codes: 0 measured; 1 some pictures could not be used, or the verdict of drift is fail; 2 wrong usage, "
    "settings, ground truth or output file; 3 a network, an engine or an extra is not available; 130 interrupted."
)
EVERY_PAIR = "every two pictures of different people in `vultus evaluate lfw`"
LEAST_SCORE = 0.02
"""Of WIDER FACE: average precision is over all scores, and boxes below hardly ever are faces."""

app = typer.Typer(
    no_args_is_help=True, help="Measure networks against ground truth, or against themselves.", epilog=EXIT_CODES
)

Folder: TypeAlias = Annotated[Path, typer.Argument(help="Folder of the pictures.")]
Out: TypeAlias = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.json", help="Also write the figures as JSON.")
]
Plot: TypeAlias = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE.png", help="Also draw them (needs the extra `evaluate`).")
]
ALL_SETTINGS = (Networks, Inference, Detection, PictureLimits)


@app.command(epilog=EXIT_CODES)
@with_settings(*ALL_SETTINGS)
def lfw(
    settings: Settings,
    folder: Folder,
    pairs: Annotated[
        Path | None, typer.Option("--pairs", metavar="FILE", help="The pairs; else pairs.txt of the folder.")
    ] = None,
    folds: Annotated[int, typer.Option("--folds", min=0, metavar="N", help="Only the first folds; 0: all.")] = 0,
    detect: Annotated[
        bool, typer.Option("--detect", help="The pictures are whole photographs, not crops of 112 x 112.")
    ] = False,
    fit: Annotated[
        Path | None, typer.Option("--fit", metavar="FILE.toml", help="Write what a catalogue states of the embedder.")
    ] = None,
    fit_rate: Annotated[
        float, typer.Option("--fit-rate", min=1e-6, max=0.5, metavar="RATE", help="False-match rate to state it for.")
    ] = 0.001,
    out: Out = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Verification on Labeled Faces in the Wild, or pairs in its form.

    Tells accuracy over the folds, each judged with the threshold that is best
    on the others, and true matches at false-match rates. --fit writes the
    embedder's decision threshold and CompreFace's similarity coefficients.
    """
    sheet = Sheet("lfw", out, plot, as_json)
    if fit is not None:
        check_file(fit, (".toml",))
    from vultus.evaluate import report, verification
    from vultus.evaluate.calibration import calibrate, fragment
    from vultus.evaluate.plots import plot_roc

    listed = verification.read_pairs(pairs or folder / "pairs.txt")
    compared, embedder, how = _compare_faces(settings, listed.first_folds(folds) if folds else listed, folder, detect)
    result = verification.verify(compared, sorted({*verification.FALSE_MATCH_RATES, fit_rate}, reverse=True))
    try:
        fitted = calibrate(compared)
    except GroundTruthError:
        if fit is not None:
            raise
        fitted = None
    if fit is not None and fitted is not None:
        text = fragment(embedder, result.from_all, f"{fit_rate:g}", fitted, EVERY_PAIR)
        write_file(fit, text.encode())
    told = report.of_verification(result, fitted, compared.faceless)
    sheet.tell(told, how, lambda: plot_roc(compared, f"{embedder}, {len(compared.similarities)} pairs"))


def _compare_faces(
    settings: Settings, pairs: Pairs, folder: Path, detect: bool
) -> tuple[Comparisons, str, dict[str, object]]:
    from vultus.evaluate import verification
    from vultus.evaluate.look import embed_crops, embed_faces, stack

    names = verification.names_of(pairs)
    paths = [folder / name for name in names]
    with open_engine(settings, Plan(detect=detect)) as (engine, profile):
        embed = embed_faces if detect else embed_crops
        vectors = list(watched(embed(engine, profile, paths), len(paths), "pictures"))
        faceless = tuple(name for name, vector in zip(names, vectors, strict=True) if vector is None)
        compared = verification.compare(pairs, stack(vectors), faceless)
        return compared, engine.model(profile.embedder or "").name, setup(engine, profile)


@app.command(epilog=EXIT_CODES)
@with_settings(*ALL_SETTINGS)
def widerface(
    settings: Settings,
    folder: Folder,
    ground_truth: Annotated[
        Path, typer.Argument(help="Folder of wider_{face,easy,medium,hard}_val.mat, or wider_face_val_bbx_gt.txt.")
    ],
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold", min=0.0001, max=0.99, metavar="SCORE", help="Detector score above which a box counts."
        ),
    ] = LEAST_SCORE,
    out: Out = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Average precision on WIDER FACE, by the rule of its own tools.

    The folder is the one that holds the folders of events. Pictures that
    cannot be used count as ones in which nothing was found.
    """
    sheet = Sheet("widerface", out, plot, as_json)
    from vultus.evaluate import report
    from vultus.evaluate import widerface as benchmark
    from vultus.evaluate.detection import stack_boxes, stack_scores
    from vultus.evaluate.look import look
    from vultus.evaluate.plots import plot_precision_recall
    from vultus.evaluate.widerface_truth import read_widerface

    pictures = read_widerface(ground_truth)
    paths = [folder / picture.path for picture in pictures]
    plan = Plan(embeddings=False)
    found: list[benchmark.Found] = []
    with open_engine(settings.model_copy(update={"threshold": threshold}), plan) as (engine, profile):
        for analysis in watched(look(engine, profile, plan, paths), len(paths), "pictures"):
            faces = analysis.faces if isinstance(analysis, Analysis) else sheet.fail(analysis, paths[len(found)])
            found.append(benchmark.Found(stack_boxes(faces), stack_scores(faces)))
        how = setup(engine, profile)
    curves = benchmark.curves(pictures, found)
    faces_of = {level: sum(int(picture.counted[level].sum()) for picture in pictures) for level in curves}
    title = f"{profile.detector}, WIDER FACE"
    sheet.tell(report.of_widerface(curves, faces_of, len(pictures)), how, lambda: plot_precision_recall(curves, title))


@app.command(epilog=EXIT_CODES)
@with_settings(*ALL_SETTINGS)
def detection(
    settings: Settings,
    folder: Folder,
    truth: Annotated[
        Path,
        typer.Option(
            "--truth", metavar="FILE", help="CompreFace's annotations (.json, .py), boxes (.json, .csv), COCO, FDDB."
        ),
    ],
    out: Out = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Detection against noses or boxes that are marked in photographs.

    Tells CompreFace's errors (missed noses and missed boxes), precision and
    recall. Pictures that cannot be used count as ones in which nothing was
    found.
    """
    sheet = Sheet("detection", out, plot, as_json)
    from vultus.evaluate import report
    from vultus.evaluate.detection import judge
    from vultus.evaluate.look import look
    from vultus.evaluate.plots import plot_precision_recall
    from vultus.evaluate.truth import read_truth

    photographs = read_truth(truth, folder)
    paths = [photograph.path for photograph in photographs]
    plan = Plan(embeddings=False)
    found: list[tuple[Face, ...]] = []
    with open_engine(settings, plan) as (engine, profile):
        for analysis in watched(look(engine, profile, plan, paths), len(paths), "pictures"):
            faces = analysis.faces if isinstance(analysis, Analysis) else sheet.fail(analysis, paths[len(found)])
            found.append(faces)
        how = setup(engine, profile)
    result = judge(photographs, found)
    title = f"{profile.detector}, {result.marked} faces"
    told = report.of_detection(result, settings.threshold)
    sheet.tell(told, how, lambda: plot_precision_recall({profile.detector: result.curve}, title))


@app.command(epilog=EXIT_CODES)
@with_settings(*ALL_SETTINGS)
def attributes(
    settings: Settings,
    folder: Folder,
    truth: Annotated[
        str,
        typer.Option(
            "--truth",
            metavar="KIND",
            help="utkface: file names; folders: named after classes; or a CSV file with path, age, gender, mask, "
            "liveness.",
        ),
    ],
    pad: Annotated[
        int, typer.Option("--pad", min=0, max=2000, metavar="PIXELS", help="Black border around tightly cut pictures.")
    ] = 0,
    min_age: Annotated[
        float, typer.Option("--min-age", min=0, metavar="YEARS", help="Leave out who is younger.")
    ] = 0.0,
    out: Out = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """Age, gender, mask and liveness against labels.

    The largest face of each picture is judged. The networks are the pack's
    and those of --attributes, of which the last that tells a fact counts.
    """
    sheet = Sheet("attributes", out, plot, as_json)
    from vultus.evaluate import report
    from vultus.evaluate.attributes import facts_of, judge
    from vultus.evaluate.labels import read_labels
    from vultus.evaluate.look import look
    from vultus.evaluate.plots import plot_attributes

    labels = [item for item in read_labels(truth, folder) if item.age is None or item.age >= min_age]
    if not labels:
        raise GroundTruthError(f"nobody is {min_age:g} years old or older")
    facts = frozenset(facts_of(labels))
    plan = Plan(embeddings=False, attributes=facts, max_faces=1)
    paths = [item.path for item in labels]
    with open_engine(settings, plan) as (engine, profile):
        found = list(watched(look(engine, profile, plan, paths, pad), len(paths), "pictures"))
        tellers = engine.tellers(profile)
        how = setup(engine, profile) | {"attributes": {fact: tellers.get(fact) for fact in sorted(facts)}}
    kept, faces = faces_or_none(sheet, labels, paths, found)
    title = ", ".join(sorted({name for fact in facts if (name := tellers.get(fact))}))
    result = judge(kept, faces)
    sheet.tell(report.of_attributes(result), how, lambda: plot_attributes(result, title))


@app.command(epilog=EXIT_CODES)
@with_settings(*ALL_SETTINGS)
def drift(
    settings: Settings,
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURES", help="Pictures and folders of pictures.")],
    against: Annotated[
        str,
        typer.Option(
            "--against", metavar="[RUNTIME][/PRECISION]", help="What to compare with: onnx, openvino/bf16 ..."
        ),
    ] = "onnx/f32",
    crops: Annotated[bool, typer.Option("--crops", help="The pictures are aligned crops.")] = False,
    min_cosine: Annotated[
        float, typer.Option("--min-cosine", max=1, metavar="COSINE", help="Least cosine of a face's embeddings.")
    ] = 0.99,
    min_iou: Annotated[
        float, typer.Option("--min-iou", min=0, max=1, metavar="IOU", help="Least IoU of a face's boxes.")
    ] = 0.9,
    max_landmarks_px: Annotated[
        float | None,
        typer.Option(
            "--max-landmarks-px", min=0, metavar="PIXELS", help="Largest shift of a landmark, pixels; else any."
        ),
    ] = None,
    max_similarity_change: Annotated[
        float, typer.Option("--max-change", min=0, metavar="COSINE", help="Largest change of two faces' similarity.")
    ] = 0.02,
    max_other_faces: Annotated[
        int, typer.Option("--max-other-faces", min=0, metavar="N", help="Faces that one run alone may find.")
    ] = 0,
    recursive: Recursive = False,
    out: Out = None,
    plot: Plot = None,
    as_json: AsJson = False,
) -> None:
    """The same networks on another runtime or in another precision.

    The verdict is pass where no limit is exceeded; otherwise the exit code is
    1.
    """
    sheet = Sheet("drift", out, plot, as_json)
    from vultus.evaluate import report
    from vultus.evaluate.drift import Limits, compare
    from vultus.evaluate.plots import plot_drift

    other = _other_settings(settings, against)
    paths = paths_of(gather(pictures, recursive=recursive))
    (ours, how), (theirs, otherwise) = (run_over(each, paths, crops=crops) for each in (settings, other))
    names, (first, second) = usable(sheet, paths, [ours, theirs])
    result = compare(names, first, second, detected=not crops)
    limits = Limits(min_cosine, min_iou, max_landmarks_px, max_similarity_change, max_other_faces)
    broken = result.broken(limits)
    told = report.of_drift(result, limits, broken)
    title = f"{name_of(how)} against {name_of(otherwise)}"
    sheet.tell(told, how | {"against": otherwise}, lambda: plot_drift(result, title), failed=bool(broken))


def _other_settings(settings: Settings, against: str) -> Settings:
    """The settings with another runtime, another precision or both."""
    runtime, _, precision = against.partition("/")
    runtimes, precisions = (get_args(Inference.model_fields[name].annotation) for name in ("runtime", "precision"))
    if not precision and runtime in precisions and runtime not in runtimes:
        runtime, precision = "", runtime
    changed = {"runtime": runtime or settings.runtime, "precision": precision or "f32"}
    return load_settings(**(settings.model_dump() | changed))
