"""The same picture alone, among others in one request, and under concurrent requests: the answer must be the same."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import numpy as np

from benchmarks import bodies, pictures, places
from benchmarks.bodies import PictureFaces
from benchmarks.report import Bar, Report, Row
from benchmarks.server import Server
from benchmarks.subject import Options

COMPANY = 16
TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Drift:
    """How far answers are from the answer to the picture alone.

    Attributes:
        answers: How many were compared.
        other_boxes: Of those, how many differ in number of faces or any coordinate.
        embedding: Largest difference of an embedding's component.
    """

    answers: int
    other_boxes: int
    embedding: float


def drift(alone: PictureFaces, others: Sequence[PictureFaces]) -> Drift:
    """Compare answers with that to the picture alone."""
    same = [np.array_equal(alone.boxes, other.boxes) for other in others]
    comparable = [other for other in others if other.embeddings.shape == alone.embeddings.shape]
    largest = max(
        (float(np.abs(alone.embeddings - other.embeddings).max(initial=0)) for other in comparable), default=0.0
    )
    return Drift(len(others), same.count(False), largest if len(comparable) == len(others) else float("inf"))


def measure(url: str, subject: bytes, company: Sequence[bytes]) -> dict[str, Drift]:
    """Ask a server in the three ways; ``company`` are the other pictures, which differ from the subject."""
    with httpx.Client(base_url=url, timeout=120) as client:

        def ask(contents: Sequence[bytes]) -> list[PictureFaces]:
            return bodies.ask_faces(client, contents)

        alone = ask([subject])[0]
        among = ask([*company[: COMPANY // 2], subject, *company[COMPANY // 2 : COMPANY - 1]])[COMPANY // 2]
        repeated = ask([subject] * COMPANY)
        with ThreadPoolExecutor(COMPANY) as pool:
            requests = [[subject] if index % 2 == 0 else [company[index - 1]] for index in range(2 * COMPANY)]
            crowd = [faces[0] for faces in list(pool.map(ask, requests))[::2]]
    return {
        f"among {COMPANY} in a request": drift(alone, [among]),
        f"{COMPANY} times in a request": drift(alone, repeated),
        f"under {COMPANY} concurrent requests": drift(alone, crowd),
    }


def run(_: Options) -> Report:
    """The six-face photograph in varied company, over HTTP."""
    files = pictures.make()
    with Server(places.models()) as server:
        server.wait_ready()
        drifts = measure(server.url, files.six_faces.read_bytes(), pictures.company(files, 2 * COMPANY))
    rows = []
    for where, found in drifts.items():
        rows.append(Row(f"{where}: answers with other boxes than alone", found.other_boxes, "", Bar("==", 0)))
        rows.append(Row(f"{where}: embeddings, largest difference", found.embedding, "", Bar("<=", TOLERANCE)))
    return Report(
        "consistency",
        "the six-face photograph over HTTP: same picture, same answer",
        rows,
        notes=["The company differs in size, content and number of faces from the photograph and from one another."],
        models=["scrfd_500m_bnkps", "w600k_mbf"],
    )
