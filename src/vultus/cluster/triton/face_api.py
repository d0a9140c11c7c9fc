"""The repository as the FastAPI and Triton similarity service has it: its names, fixed shapes, floats as input.

Who asks that service's own Triton server finds ``face_detector`` and ``fr_model`` there, one picture a request, which
the caller has normalised. Names of tensors are those of the graphs: of the service's own two networks, those it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vultus.cluster.triton.config import Deployment
from vultus.cluster.triton.export import Export
from vultus.cluster.triton.graph import Form, Served, Tensor, open_graph
from vultus.compat.face_triton import PRODUCT
from vultus.errors import SettingsError
from vultus.runtime.graph import check_size, halved, incompatible_if_failing, reshaped
from vultus.settings import Settings
from vultus.walk import WarmUp
from vultus.zoo.catalogue import Model
from vultus.zoo.store import digest_of

INFO = "model_info.txt"
DETECTOR, EMBEDDER = "face_detector", "fr_model"


class FaceApiExport(Export):
    """Writes the service's two models; arguments are those of ``Export``.

    Where the settings name no detector or no embedder, it is that of the service.
    """

    def __init__(
        self, settings: Settings, folder: Path, deployment: Deployment, form: Form, *, force: bool = False
    ) -> None:
        own = {name: getattr(settings, name) or PRODUCT.defaults[name] for name in ("detector", "embedder")}
        super().__init__(settings.model_copy(update=own), folder, deployment, form, force=force)

    def steps(self, names: Sequence[str] = ()) -> list[WarmUp]:
        """What is to be done for each of the two.

        Raises:
            SettingsError: Networks are named: the two are those of the settings.
            ModelError: A file cannot be had.
        """
        if names:
            raise SettingsError("the layout face-api has two models: choose them with --detector and --embedder.")
        return [self._step(name, model) for name, model in self._models.items()]

    def files(self) -> dict[str, str]:
        """See ``Export.files``; what the service's own tool writes is among them."""
        return {**super().files(), INFO: model_info(self._models)}

    @property
    def _models(self) -> dict[str, Model]:
        profile = self.engine.default_profile
        return {DETECTOR: self.engine.model(profile.detector), EMBEDDER: self.engine.model(profile.embedder or "")}

    def _step(self, name: str, model: Model) -> WarmUp:
        path = self.engine.path(model)
        return WarmUp(model.name, model.input.width, model.input.height, partial(self._write, name, model, path))

    def _write(self, name: str, model: Model, path: Path) -> None:
        self.writer.put(serve_fixed(name, model, path, self.writer.form), model.input)


def serve_fixed(name: str, model: Model, path: Path, form: Form) -> Served:
    """A network that takes what its own graph takes, one picture at a time; it has been run here.

    Args:
        name: Of the model on the server.
        model: The catalogue entry.
        path: Its file.
        form: How the graph is to be; there are no batches, whatever it says.

    Raises:
        IncompatibleGraph: The file cannot be read, or cannot take such an input.
        RuntimeUnavailable: The library ``onnx`` is not installed.
    """
    spec = model.input
    check_size(model, spec)
    with incompatible_if_failing(f"{path.name} cannot be served as {name}"):
        data = path.read_bytes()
        graph = reshaped(halved(data, spec) if form.halve else data, spec.shape)
        session = open_graph(graph)
        (taken,) = session.get_inputs()
        answers: list[Any] = session.run(None, {taken.name: np.zeros(spec.shape, np.float32)})
    outputs = zip(session.get_outputs(), answers, strict=True)
    return Served(
        name=name,
        model=model,
        graph=graph,
        input=Tensor(taken.name, "float32", spec.shape),
        outputs=tuple(Tensor(output.name, answer.dtype.name, answer.shape) for output, answer in outputs),
        max_batch_size=0,
        sha256=model.sha256 or digest_of(path, "sha256"),
        precision=form.precision,
    )


def model_info(models: dict[str, Model]) -> str:
    """Text for a person: of each model its network, and what a caller has to do to pixels."""
    return "\n".join(
        f"{name}:\n"
        f"  network: {model.name}\n"
        f"  task: {'recognition' if model.task == 'embedding' else model.task}\n"
        f"  input_size: {model.input.width}x{model.input.height}\n"
        f"  input_mean: {model.input.mean[0]}\n"
        f"  input_std: {model.input.std[0]}\n"
        f"  licence: {model.licence}\n"
        for name, model in models.items()
    )
