"""Pixels to boxes: one file per family of detectors."""

from collections.abc import Callable

from vultus.detect.centerface import CenterFace
from vultus.detect.dbface import DBFace
from vultus.detect.detector import Detector
from vultus.detect.mtcnn import Mtcnn
from vultus.detect.retinaface import RetinaFace, RetinaFaceParameters
from vultus.detect.retinaface_priors import RetinaFacePriors
from vultus.detect.scrfd import Scrfd
from vultus.detect.ultraface import UltraFace
from vultus.detect.yolov5face import Yolov5Face
from vultus.detect.yunet import YuNet
from vultus.families import Families
from vultus.runtime.network import Parts

DETECTOR_FAMILIES: Families[Callable[[Parts], Detector]] = Families(
    "vultus.detectors",
    {
        "retinaface": lambda parts: RetinaFace(parts.network, parts.parameters(RetinaFaceParameters)),
        "retinaface_priors": lambda parts: RetinaFacePriors(parts.network),
        "ultraface": lambda parts: UltraFace(parts.network),
        "mtcnn": Mtcnn,
        "scrfd": lambda parts: Scrfd(parts.network),
        "centerface": lambda parts: CenterFace(parts.network),
        "dbface": lambda parts: DBFace(parts.network),
        "yolov5face": lambda parts: Yolov5Face(parts.network),
        "yunet": lambda parts: YuNet(parts.network),
    },
)

__all__ = ["DETECTOR_FAMILIES", "Detector"]
