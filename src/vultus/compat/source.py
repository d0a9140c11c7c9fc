"""Another product's environment as a source of settings."""

from __future__ import annotations

import os
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from vultus.compat import PRODUCTS, translate
from vultus.errors import SettingsError


class CompatSource(PydanticBaseSettingsSource):
    """What the variables of the product that the setting ``compat`` names mean; goes after the sources given before.

    Raises:
        SettingsError: A variable holds what cannot be, or two contradict each other; each is named.
    """

    def __call__(self) -> dict[str, Any]:
        """Setting -> value."""
        name = self.current_state.get("compat")
        if not isinstance(name, str) or name not in PRODUCTS:
            return {}  # what is wrong with it, if anything, its own check says
        translation = translate(PRODUCTS[name], os.environ, self.current_state.keys())
        if translation.problems:
            raise SettingsError(
                f"the environment of {PRODUCTS[name].title} cannot be used: {'; '.join(translation.problems)}"
            )
        return dict(translation.values)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Nothing: fields are not looked up one by one."""
        return None, field_name, False
