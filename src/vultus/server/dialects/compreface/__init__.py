"""CompreFace's core service ("embedding-calculator"), as its Java side, its web interface and its tools ask it.

Paths, fields, slugs, version strings and error texts are theirs; ``docs/dialects/compreface.md`` lists what differs on
purpose.
"""

from vultus.server.dialects.base import Dialect
from vultus.server.dialects.compreface.errors import render
from vultus.server.dialects.compreface.plugins import profile, remarks
from vultus.server.dialects.compreface.routes import router

DIALECT = Dialect("compreface", router, render, profile, remarks)
