"""Pixels to boxes: one file per family of detectors."""

from collections.abc import Callable

from vultus.detect.detector import Detector
from vultus.detect.scrfd import Scrfd
from vultus.detect.yunet import YuNet
from vultus.runtime.network import Network

DETECTOR_FAMILIES: dict[str, Callable[[Network], Detector]] = {"scrfd": Scrfd, "yunet": YuNet}

__all__ = ["DETECTOR_FAMILIES", "Detector"]
