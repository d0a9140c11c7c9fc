"""What may be done with the networks' weights."""

from __future__ import annotations

from vultus.errors import LicenseRefused
from vultus.settings import LicencePolicy
from vultus.zoo.catalogue import Model

# Allow commercial use, but ask for the source of what they are built into.
_COPYLEFT = ("GPL", "LGPL", "AGPL")


def is_allowed(model: Model, policy: LicencePolicy) -> bool:
    """Whether the policy allows a network; see ``check_licence``."""
    try:
        check_licence(model, policy)
    except LicenseRefused:
        return False
    return True


def check_licence(model: Model, policy: LicencePolicy) -> None:
    """Refuse a network that the policy does not allow.

    Args:
        model: The network.
        policy: ``any`` allows everything; ``permissive`` refuses weights whose licence forbids commercial use, is of
            the GPL family or is not stated.

    Raises:
        LicenseRefused: The policy does not allow it; names the licence and the way out.
    """
    if policy == "any":
        return
    if model.commercial_use is None:
        reason = "does not say whether commercial use is allowed"
    elif not model.commercial_use:
        reason = "does not allow commercial use"
    elif model.licence.upper().startswith(_COPYLEFT):
        reason = "is a copyleft licence"
    else:
        return
    raise LicenseRefused(
        f"license_policy = permissive refuses {model.name}: its licence ({model.licence}) {reason}; "
        "use the pack `permissive` or set license_policy to `any`",
        limit="license_policy",
    )
