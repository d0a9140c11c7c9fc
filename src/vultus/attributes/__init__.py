"""Crops to facts: one file per family of attribute networks; and facts that need no network."""

from vultus.attributes.age_classes import AgeClasses, AgeParameters
from vultus.attributes.attribute import DEMOGRAPHIC, Attribute, AttributeFamily
from vultus.attributes.derived import DERIVED, Known
from vultus.attributes.fsanet import FsaNet
from vultus.attributes.gender_classes import GenderClasses, GenderParameters
from vultus.attributes.genderage import GenderAge
from vultus.attributes.genderage_v1 import GenderAgeV1
from vultus.attributes.landmarks68 import Landmarks68
from vultus.attributes.landmarks106 import Landmarks106
from vultus.attributes.liveness import Liveness, LivenessParameters
from vultus.attributes.mask import Mask, MaskParameters
from vultus.attributes.pose5 import HeadPose, head_pose
from vultus.attributes.ssrnet import SsrNet
from vultus.families import Families

ATTRIBUTE_FAMILIES: Families[AttributeFamily] = Families(
    "vultus.attributes",
    {
        "landmarks106": AttributeFamily(("landmarks106",), lambda parts: Landmarks106(parts.network, parts.crop)),
        "landmarks68": AttributeFamily(("landmarks68", "pose"), lambda parts: Landmarks68(parts.network, parts.crop)),
        "genderage": AttributeFamily(("gender", "age"), lambda parts: GenderAge(parts.network, parts.crop)),
        "genderage_v1": AttributeFamily(("gender", "age"), lambda parts: GenderAgeV1(parts.network, parts.crop)),
        "age_classes": AttributeFamily(
            ("age", "age_range"),
            lambda parts: AgeClasses(parts.network, parts.crop, parts.parameters(AgeParameters)),
        ),
        "gender_classes": AttributeFamily(
            ("gender", "gender_probability"),
            lambda parts: GenderClasses(parts.network, parts.crop, parts.parameters(GenderParameters)),
        ),
        "ssrnet": AttributeFamily(("age",), lambda parts: SsrNet(parts.network, parts.crop)),
        "fsanet": AttributeFamily(("pose",), lambda parts: FsaNet([parts.network, *parts.companions], parts.crop)),
        "liveness": AttributeFamily(
            ("liveness",),
            lambda parts: Liveness(parts.network, parts.crop, parts.parameters(LivenessParameters)),
        ),
        "mask": AttributeFamily(
            ("mask",), lambda parts: Mask(parts.network, parts.crop, parts.parameters(MaskParameters))
        ),
    },
)

__all__ = [
    "ATTRIBUTE_FAMILIES",
    "DEMOGRAPHIC",
    "DERIVED",
    "Attribute",
    "AttributeFamily",
    "HeadPose",
    "Known",
    "head_pose",
]
