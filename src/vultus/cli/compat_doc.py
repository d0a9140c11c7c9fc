"""Writes ``docs/compat.md`` from the tables of variables: ``python -m vultus.cli.compat_doc > docs/compat.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from vultus.compat import PRODUCTS, Product, Variable
from vultus.settings import variable_of

_HEAD = """\
# Their environments

`VULTUS_COMPAT` makes Vultus take the place of another service in its own container: it answers with that service's API
alone, listens on all addresses at that service's port, and reads that service's environment variables. A compose file
then needs another image and one more variable:

```yaml
services:
  insightface-rest:
    image: vultus:0.1.0              # was: insightface-rest
    environment:
      VULTUS_COMPAT: insightface-rest
      REC_NAME: w600k_r50            # all as before
```

`vultus migrate check FILE` tells beforehand what will become of a compose or env file, and which weights are missing;
see [the command line](command-line.md#vultus-migrate-check).

* An option of the command line goes before `VULTUS_*`, that before the other service's variables, those before its
  defaults, and these before the defaults of Vultus. A pack that is given goes before single networks that are not
  given for Vultus itself.
* An empty variable counts as not set.
* **honoured**: it decides the setting beside it. **ignored**: it has no effect here, and `vultus serve` warns at the
  start; not if it holds the default or what makes no difference. **error**: Vultus does not start, and says why. A
  variable whose setting is given for Vultus itself neither counts nor is an error.
* Two variables that contradict each other are an error that names both: two of the service that decide the same
  setting, or `VULTUS_COMPAT` and a `VULTUS_DIALECTS` without it. A value that is out of range is blamed on the variable
  it came from.
* More services than one at the same port: `VULTUS_DIALECTS`, which must name the one of `VULTUS_COMPAT` too.
* All of it is reachable from the network without a password, as it was there: publish the port to those you trust,
  or set [keys](security.md#access).

This page is written by `python -m vultus.cli.compat_doc`.
"""


def compat_page() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *(line for product in PRODUCTS.values() for line in _section(product))])


def _section(product: Product) -> Iterator[str]:
    yield f"## {product.title}\n\n`VULTUS_COMPAT={product.name}`; whatever its variables say:\n"
    yield "| setting | value |\n|---|---|"
    yield from (f"| `{variable_of(name)}` | `{_text(value)}` |" for name, value in product.everywhere.items())
    if product.reminders:
        yield ""
    yield from (
        f"* Warned about unless `{variable_of(name)}` is set: {text}." for name, text in product.reminders.items()
    )
    yield "\n| variable | default there | what becomes of it | setting |\n|---|---|---|---|"
    yield from (_row(variable) for variable in product.variables)
    yield ""


def _row(variable: Variable) -> str:
    default = f"`{variable.default}`" if variable.default else ""
    settings = ", ".join(f"`{variable_of(name)}`" for name in variable.settings)
    return f"| `{variable.name}` | {default} | **{variable.verdict}**: {variable.note} | {settings} |"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    sys.stdout.write(compat_page())
