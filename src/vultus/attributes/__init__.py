"""Crops to facts: one file per family of attribute networks; and facts that need no network."""

from vultus.attributes.attribute import Attribute, AttributeFamily
from vultus.attributes.genderage import GenderAge
from vultus.attributes.genderage_v1 import GenderAgeV1
from vultus.attributes.landmarks106 import Landmarks106
from vultus.attributes.mask import Mask
from vultus.attributes.pose5 import HeadPose, head_pose

ATTRIBUTE_FAMILIES: dict[str, AttributeFamily] = {
    "landmarks106": AttributeFamily(("landmarks106",), Landmarks106),
    "genderage": AttributeFamily(("gender", "age"), GenderAge),
    "genderage_v1": AttributeFamily(("gender", "age"), GenderAgeV1),
    "mask": AttributeFamily(("mask",), Mask),
}

__all__ = ["ATTRIBUTE_FAMILIES", "Attribute", "AttributeFamily", "HeadPose", "head_pose"]
