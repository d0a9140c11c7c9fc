"""The networks that an engine would load, written as a Triton model repository.

What is exported is found by letting an engine warm up on a runtime that writes each network it is asked for: so the
server has what a client with the same settings will ask it for, each canvas included.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Self

import numpy as np

from vultus.cluster.triton.config import Deployment, config_of, trtexec_of
from vultus.cluster.triton.graph import Form, Served, open_graph, run_graph, serve
from vultus.cluster.triton.repository import Exported, Repository
from vultus.engine import FaceEngine
from vultus.runtime.network import Counts, Network, NetworkSpec, Outputs
from vultus.runtime.ticket import Ticket
from vultus.runtime.triton.names import model_name
from vultus.server.dialects import served_profiles
from vultus.settings import Settings
from vultus.types import Image, InputSpec
from vultus.walk import WarmUp
from vultus.zoo.catalogue import Model
from vultus.zoo.licence import check_licence

PLANS = "build_plans.sh"
"""The script that makes TensorRT's engines: only a GPU like the one they are for can."""

REQUIREMENTS = "requirements.txt"
"""What models in Python need in the environment of Triton's Python backend."""


class Export:
    """Writes networks into a repository. Use it in a ``with`` statement; nothing is there before ``finish``.

    Args:
        settings: Which networks, and for which profiles.
        folder: The repository.
        deployment: Where and how the server is to run them.
        form: How graphs are to be.
        force: See ``Repository``.

    Raises:
        OutputUnwritable: See ``Repository``.
        VultusError: The settings name something that is not there.
    """

    def __init__(
        self, settings: Settings, folder: Path, deployment: Deployment, form: Form, *, force: bool = False
    ) -> None:
        self.repository = Repository(folder, force=force)
        self.writer = Writer(self.repository, deployment, form)
        self._settings = settings
        self._deployment = deployment

    def __enter__(self) -> Self:
        self.repository.__enter__()
        try:
            self.engine = FaceEngine(self._settings, open_with=lambda *_: self.writer)
        except BaseException:
            self.repository.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.engine.close()
        self.repository.__exit__()

    def steps(self, names: Sequence[str] = ()) -> list[WarmUp]:
        """What is to be done, network by network and canvas by canvas.

        Args:
            names: Networks by name or alias; none: what a server with these settings loads.

        Raises:
            UnknownModel: There is none of a name.
            LicenseRefused: The licence policy does not allow one.
            ModelError: A file cannot be had.
        """
        if not names:
            return self.engine.warm_ups(*served_profiles(self.engine), every_shape=True)
        return [step for name in names for step in self._steps_of(self.engine.model(name))]

    def finish(self) -> list[Exported]:
        """Put the repository in its place.

        Raises:
            OutputUnwritable: It cannot be written.
        """
        for name, text in self.files().items():
            self.repository.write(name, text)
        self.repository.commit()
        return self.repository.models

    def files(self) -> dict[str, str]:
        """What is to stand beside the models: name -> text."""
        match self._deployment.platform:
            case "tensorrt":
                return {PLANS: plans_script(self.writer.written.values())}
            case "python":
                return {REQUIREMENTS: requirements(self._deployment)}
            case "onnxruntime":
                return {}

    def _steps_of(self, model: Model) -> list[WarmUp]:
        """Those of one network; a detector has one for each canvas that the settings may lay a picture on."""
        if model.task == "detection":
            used = self.engine.default_profile
            alone = replace(used, detector=model.name, embedder=None, attributes=())
            return self.engine.warm_ups(alone, every_shape=True)
        check_licence(model, self._settings.license_policy)
        path = self.engine.path(model)
        write = partial(self.writer.write, model, path, model.input)
        return [WarmUp(model.name, model.input.width, model.input.height, write)]


class Writer:
    """The runtime that networks are loaded on to be written.

    Attributes:
        form: How graphs are to be.
        written: What has been, without the graphs.
    """

    name = "triton export"
    needs_files = True
    families: Collection[str] | None = None
    counts: Counts | None = None

    def __init__(self, repository: Repository, deployment: Deployment, form: Form) -> None:
        self.device = deployment.device
        self.precision = form.precision
        self.written: dict[str, Served] = {}
        self._files: dict[str, Path] = {}
        self.form = form
        self._repository = repository
        self._deployment = deployment

    def close(self) -> None:
        """Nothing runs beside the callers' threads."""

    def load(self, model: Model, path: Path, spec: InputSpec) -> Network:
        """See ``Runtime.load``. What was written can be run, slowly: so each family sees whether it is its own."""
        # Pixels in the other order of colours are the caller's business: one model serves both.
        own = replace(spec, color=model.input.color)
        self.write(model, path, own)
        name = model_name(model, own)
        outputs = tuple(output.name for output in self.written[name].outputs)
        return _FileNetwork(NetworkSpec(model.name, spec, outputs), self._files[name], single=self.form.single)

    def write(self, model: Model, path: Path, spec: InputSpec) -> None:
        """Write a network, unless it has been.

        Raises:
            IncompatibleGraph: It cannot be served so.
            OutputUnwritable: See ``Repository.add``.
        """
        if model_name(model, spec) not in self.written:
            self.put(serve(model, path, spec, self.form), spec)

    def put(self, served: Served, spec: InputSpec) -> None:
        """Write a model that is ready.

        Raises:
            OutputUnwritable: See ``Repository.add``.
        """
        model = served.model
        exported = Exported(
            name=served.name,
            network=model.name,
            width=spec.width,
            height=spec.height,
            max_batch_size=served.max_batch_size,
            sha256=served.sha256,
            precision=served.precision,
            licence=model.licence,
            commercial_use=model.commercial_use,
        )
        in_python = self._deployment.platform == "python"
        config = config_of(served, self._deployment)
        self._files[served.name] = self._repository.add(exported, config, served.graph, in_python=in_python)
        self.written[served.name] = replace(served, graph=b"")


class _FileNetwork:
    """Runs an exported graph from its file: opened anew each time, for it is run once or twice."""

    def __init__(self, spec: NetworkSpec, file: Path, *, single: bool) -> None:
        self.spec = spec
        self._file = file
        self._rows = 1 if single else None

    def run(self, batch: Image, ticket: Ticket) -> Outputs:
        """See the ``Network`` protocol."""
        ticket.check()
        session = open_graph(self._file.read_bytes())
        parts = [batch[start : start + 1] for start in range(len(batch))] if self._rows else [batch]
        answers = [run_graph(session, part) for part in parts]
        return tuple(np.concatenate(part) for part in zip(*answers, strict=True))


def plans_script(models: Iterable[Served]) -> str:
    """A shell script that makes TensorRT's engines of the models' graphs."""
    lines = [
        "#!/bin/sh",
        "# Make TensorRT's engines before the server is started, on its GPU and with its TensorRT: `sh build_plans.sh`",
        "# in Triton's container. They fit no other GPU and no other version.",
        "set -eu",
        'cd "$(dirname "$0")"',
        "trtexec=${TRTEXEC:-$(command -v trtexec || echo /usr/src/tensorrt/bin/trtexec)}",
        *(f'"$trtexec" {trtexec_of(served)}' for served in models),
    ]
    return "\n".join(lines) + "\n"


def requirements(deployment: Deployment) -> str:
    """The packages that models in Python need: the engine, in the version it was exported with, and a numpy."""
    return (
        "# For the environment of Triton's Python backend. With a newer numpy its tensors may be empty.\n"
        f"numpy<2\n{deployment.engine}=={metadata.version(deployment.engine)}\n"
    )
