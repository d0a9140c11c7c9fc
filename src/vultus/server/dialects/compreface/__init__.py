"""CompreFace's core service ("embedding-calculator"), as its Java side, its web interface and its tools ask it.

Paths, fields, slugs, version strings and error texts are theirs; ``docs/dialects/compreface.md`` lists what differs on
purpose.
"""

from functools import partial

from vultus.server.dialects.base import Dialect
from vultus.server.dialects.compreface.errors import render
from vultus.server.dialects.compreface.plugins import Setups
from vultus.server.dialects.compreface.routes import router

NAME = "compreface"


def dialect() -> Dialect:
    """The dialect, for one application: it remembers which of an engine's networks play which plugins."""
    setups = Setups()
    return Dialect(NAME, partial(router, setups), render, setups.profile, setups.remarks)
