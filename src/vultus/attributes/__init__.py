"""Crops to facts: one file per family of attribute networks."""

from vultus.attributes.attribute import Attribute, AttributeFamily
from vultus.attributes.landmarks106 import Landmarks106

ATTRIBUTE_FAMILIES: dict[str, AttributeFamily] = {"landmarks106": AttributeFamily(("landmarks106",), Landmarks106)}

__all__ = ["ATTRIBUTE_FAMILIES", "Attribute", "AttributeFamily"]
