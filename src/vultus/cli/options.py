"""Command-line options made from the settings, so that no knob is described twice."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import typer
from pydantic import BaseModel, ByteSize
from pydantic.fields import FieldInfo
from rich.markup import escape

from vultus.settings import load_settings, variable_of


@dataclass(frozen=True, slots=True)
class Knob:
    """How one setting is shown.

    Attributes:
        name: Name of the field of ``Settings``.
        flag: Command-line flag.
        variable: Environment variable.
        kind: What a value looks like: ``INTEGER``, ``NUMBER``, ``TEXT``, ``PATH``, ``SIZE``, ``FLAG`` or the choices.
        limits: Range of lawful values, ``""`` where any will do.
        default: What holds when nothing is given, ``""`` where that is nothing.
        help: What it does.
        many: Whether it takes more than one value.
    """

    name: str
    flag: str
    variable: str
    kind: str
    limits: str
    default: str
    help: str
    many: bool

    @property
    def choices(self) -> list[str]:
        """The lawful values, where there is a list of them."""
        return self.kind.split("|") if "|" in self.kind else []


def title_of(group: type[BaseModel]) -> str:
    """Title of a group of settings."""
    return inspect.cleandoc(group.__doc__ or group.__name__).partition(":")[0]


def knobs_of(group: type[BaseModel]) -> Iterator[Knob]:
    """The settings of a group, in the order they are declared."""
    schema = group.model_json_schema()["properties"]
    for name, field in group.model_fields.items():
        shape = _shape(schema[name])
        many = shape.get("type") == "array"
        yield Knob(
            name=name,
            flag="--" + name.replace("_", "-"),
            variable=variable_of(name),
            kind="SIZE" if isinstance(field.default, ByteSize) else _kind(shape["items"] if many else shape),
            limits=_limits(shape),
            default=_default(field),
            help=field.description or "",
            many=many,
        )


def with_settings(*groups: type[BaseModel]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of these groups; it gets them as one ``settings`` argument.

    What is not given on the command line comes from the environment, then from the defaults. A parameter of the
    command itself hides the setting of that name, which then can only come from the environment.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = dict(inspect.signature(command, eval_str=True).parameters)
        del own["settings"]
        knobs = {
            knob.name: (knob, title_of(group)) for group in groups for knob in knobs_of(group) if knob.name not in own
        }

        @functools.wraps(command)
        def run(**given: Any) -> None:  # noqa: ANN401 - what the command line held
            chosen = {
                name: given.pop(name) or None if knob.many else given.pop(name) for name, (knob, _) in knobs.items()
            }
            command(settings=load_settings(**chosen), **given)

        parameters = [*own.values(), *(_parameter(knob, panel) for knob, panel in knobs.values())]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _parameter(knob: Knob, panel: str) -> inspect.Parameter:
    """The parameter from which the option of a setting is made; ``None`` means not given."""
    switch = knob.kind == "FLAG"
    annotation: Any = bool if switch else list[str] if knob.many else str
    option = typer.Option(
        f"{knob.flag}/--no-{knob.flag[2:]}" if switch else knob.flag,
        metavar=None if switch else knob.kind,
        help=_help(knob),
        show_default=False,
        rich_help_panel=panel,
        autocompletion=(lambda: knob.choices) if knob.choices else None,
    )
    return inspect.Parameter(
        knob.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=typing.Annotated[annotation | None, option]
    )


def _help(knob: Knob) -> str:
    """Help text; the variable is only named here, for the settings themselves read the environment."""
    notes = [f"default: {knob.default}"] if knob.default not in ("", "off") else []
    return f"{escape(knob.help)} [dim]\\[{escape('; '.join([*notes, knob.variable]))}][/dim]"


def _shape(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of a value that is given, where the setting may also be unset."""
    return next((part for part in schema.get("anyOf", ()) if part.get("type") != "null"), schema)


def _kind(shape: dict[str, Any]) -> str:
    if "enum" in shape:
        return "|".join(shape["enum"])
    if shape.get("format") == "path":
        return "PATH"
    return {"integer": "INTEGER", "number": "NUMBER", "boolean": "FLAG", "string": "TEXT"}[shape["type"]]


def _limits(shape: dict[str, Any]) -> str:
    signs = {"minimum": "≥ ", "exclusiveMinimum": "> ", "maximum": "≤ ", "exclusiveMaximum": "< "}
    parts = [f"{sign}{shape[name]:g}" for name, sign in signs.items() if name in shape]
    if "multipleOf" in shape:
        parts.append(f"a multiple of {shape['multipleOf']}")
    return ", ".join(parts)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return inspect.cleandoc(field.default_factory.__doc__ or "").rstrip(".").replace("`", "")
    value = field.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return value.human_readable() if isinstance(value, ByteSize) else str(value)
