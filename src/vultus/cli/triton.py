"""``vultus triton``: the networks on a Triton Inference Server."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vultus.cli.arguments import AsJson
from vultus.cli.options import with_settings
from vultus.cli.output import print_json, print_line, print_note, print_table
from vultus.cli.progress import watched
from vultus.cli.session import log_as_notes
from vultus.settings import SERVER_GROUPS, Settings

if TYPE_CHECKING:
    from vultus.cluster.triton.repository import Exported

EXIT_CODES = (
    "Exit codes: 0 all went well; 2 wrong usage or settings, or a folder that cannot be written; 3 a network or an "
    "engine is not available, or there is no Triton here; 130 interrupted; of `run`: what the server ends with."
)

app = typer.Typer(no_args_is_help=True, help="Triton Inference Server: write its models, run it.", epilog=EXIT_CODES)


@app.command(epilog=EXIT_CODES)
@with_settings(*SERVER_GROUPS)
def export(
    settings: Settings,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The model repository; made where it is not there.")],
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this network; may be given several times.")
    ] = None,
    platform: Annotated[
        Literal["onnxruntime", "tensorrt", "python"],
        typer.Option(help="The server's backend; `python` is for servers without the others."),
    ] = "onnxruntime",
    layout: Annotated[
        Literal["vultus", "face-api"],
        typer.Option(help="`face-api`: names and shapes of the FastAPI and Triton similarity service."),
    ] = "vultus",
    instances: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="How many of each model compute side by side [cores here; 1 on a GPU]."),
    ] = None,
    max_batch: Annotated[int, typer.Option(min=1, max=64, metavar="ROWS", help="Most pictures of a batch.")] = 64,
    engine: Annotated[
        Literal["openvino", "onnxruntime"], typer.Option(help="What models in Python compute with.")
    ] = "openvino",
    force: Annotated[bool, typer.Option("--force", help="Write into a folder with files of others, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a Triton model repository of what a server with these settings loads.

    Each network, and each canvas of a detector, is one model. --device says
    where the server computes: cpu, cuda, cuda:1; tensorrt lets ONNX Runtime
    hand graphs to TensorRT. Nothing changes in DIR until all is written.
    """
    from vultus.cluster.triton.config import Deployment
    from vultus.cluster.triton.export import PLANS, Export
    from vultus.cluster.triton.face_api import FaceApiExport

    deployment = Deployment.of(platform, settings.device, instances, engine)
    form = deployment.form(settings.precision, max_batch)
    kind = FaceApiExport if layout == "face-api" else Export
    with log_as_notes(), kind(settings, folder, deployment, form, force=force) as exporter:
        steps = exporter.steps(model or ())
        for step in watched(steps, len(steps), "networks and shapes"):
            step.run()
        models = exporter.finish()
    _remark(models)
    if as_json:
        print_json({"folder": str(folder), "platform": platform, "layout": layout, "models": list(map(asdict, models))})
        return
    rows = [(each.name, f"{each.width} x {each.height}", str(each.max_batch_size), each.precision) for each in models]
    print_table(("model", "input", "batch", "precision"), rows)
    print_line(f"{len(models)} models for {platform} on {deployment.device} in {folder}")
    if platform == "tensorrt":
        print_line(f"their engines are not there yet: run {PLANS} on the server's GPU, in Triton's container")


@app.command(epilog=EXIT_CODES)
def run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The model repository.")],
    host: Annotated[str, typer.Option(help="Address to listen on; Triton asks nobody for a key.")] = "127.0.0.1",
    http_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of HTTP.")] = 8000,
    grpc_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of gRPC.")] = 8001,
    metrics_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Prometheus's metrics.")] = 8002,
    python: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Interpreter of the environment nvidia-pytriton is in.")
    ] = None,
) -> None:
    """Run a Triton server on this machine, in the foreground.

    It is the `tritonserver` on the PATH, else that of nvidia-pytriton.
    """
    from vultus.cluster.triton import server

    if host != server.LOOPBACK:
        print_note("warning", f"Triton asks nobody for a key: whoever reaches {host} can use it, and run code in it")
    ports = server.Ports(http_port, grpc_port, metrics_port)
    raise typer.Exit(server.run(server.TritonServer(server.Program.find(python), folder, host, ports)))


def _remark(models: list[Exported]) -> None:
    """Say which weights may not be put to commercial use: the repository is likely to travel."""
    restricted = {model.network: model.licence for model in models if not model.commercial_use}
    for network, licence in restricted.items():
        print_note("note", f"{network} is under a licence of its own, which the repository does not change: {licence}")
