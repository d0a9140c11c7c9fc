"""Writes ``docs/settings.md`` from the settings: ``python -m vultus.cli.settings_doc > docs/settings.md``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

from pydantic import BaseModel

from vultus.cli.options import Knob, knobs_of, title_of
from vultus.settings import GROUPS

_HEAD = """\
# Settings

Every setting is an environment variable `VULTUS_<NAME>` and an option of the commands it concerns; `vultus serve`
takes all but Ray's, `vultus cluster serve` all. Where both are given the option counts, where neither is the default;
an empty variable counts as not given.

* Lists of files and folders are separated as in `PATH` (`:`, on Windows `;`); an option may also be given several
  times. Names may begin with `~`.
* A SIZE is in bytes or carries a unit: `20MiB`, `500kB`.
* A FLAG is `true` or `false` in the environment; on the command line `--name` or `--no-name`.
* A value that cannot be used ends the program with exit code 2 and a message that names the setting and, where it came
  from the environment, the variable. A variable that looks like a misspelt setting is warned about.
* Kubernetes puts variables such as `VULTUS_PORT=tcp://...` into every container beside a service called `vultus`; set
  `enableServiceLinks: false` on the pod, or call the service something else.

This page is written by `python -m vultus.cli.settings_doc`.
"""


def settings_page() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *(line for group in GROUPS for line in _section(group))])


def _section(group: type[BaseModel]) -> Iterator[str]:
    _, _, purpose = inspect.cleandoc(group.__doc__ or "").partition(": ")
    yield f"## {title_of(group)}\n\n{purpose[:1].upper()}{purpose[1:]}\n"
    yield "| option | variable | value | default | what it does |\n|---|---|---|---|---|"
    yield from (_row(knob) for knob in knobs_of(group))
    yield ""


def _row(knob: Knob) -> str:
    kind = ", ".join(f"`{choice}`" for choice in knob.choices) or f"{knob.kind}{'...' if knob.many else ''}"
    value = f"{kind} {knob.limits}".strip()
    default = f"`{knob.default}`" if knob.default else ""
    return f"| `{knob.flag}` | `{knob.variable}` | {value} | {default} | {knob.help} |"


if __name__ == "__main__":
    sys.stdout.write(settings_page())
