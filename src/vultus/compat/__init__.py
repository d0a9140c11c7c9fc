"""Environments of other products: which of their variables mean what here.

A file for each product holds a table, and nothing else knows their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vultus.compat import arcface_api, compreface, face_triton, insightface_rest
from vultus.compat.table import Product, Reading, Variable, Verdict
from vultus.compat.translate import Found, Translation, translate

PRODUCTS: Mapping[str, Product] = MappingProxyType(
    {module.PRODUCT.name: module.PRODUCT for module in (insightface_rest, compreface, arcface_api, face_triton)}
)
"""All products, by name."""

__all__ = ["PRODUCTS", "Found", "Product", "Reading", "Translation", "Variable", "Verdict", "translate"]
