"""The program ``vultus``: its commands, and how each of them ends."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vultus import __version__
from vultus.cli import (
    bench,
    cluster,
    compare,
    detect,
    doctor,
    embed,
    evaluate,
    index,
    keys,
    migrate,
    models,
    serve,
    triton,
    tune,
)
from vultus.cli.output import EXIT_CODES, EXIT_INTERRUPTED, exit_code_of, print_error, print_note
from vultus.errors import VultusError
from vultus.settings import misspelt_variables


class Commands(TyperGroup):
    """Ends every command alike: an error that was raised on purpose is told in one line, an interruption in none."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own context class has moved between its versions
        """Run a command; its errors are JSON where its results are."""
        as_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except VultusError as error:
            print_error(error, as_json=as_json)
            raise typer.Exit(exit_code_of(error)) from error
        except KeyboardInterrupt as interruption:
            raise typer.Exit(EXIT_INTERRUPTED) from interruption


app = typer.Typer(
    name="vultus",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vultus {__version__}")
        raise typer.Exit


@app.callback(epilog=EXIT_CODES)
def root(
    version: Annotated[  # noqa: ARG001 - its callback ends the program
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Find faces in pictures, align them, and turn them into embeddings.

    Every setting is an option of the commands it concerns and a variable of
    the environment; where both are given, the option counts.
    """
    for remark in misspelt_variables(os.environ):
        print_note("warning", remark)


app.command(epilog=EXIT_CODES)(detect.detect)
app.command(epilog=EXIT_CODES)(embed.embed)
app.command(epilog=index.EXIT_CODES)(index.index)
app.command(epilog=compare.EXIT_CODES)(compare.compare)
app.command(epilog=serve.EXIT_CODES)(serve.serve)
app.add_typer(models.app, name="models")
app.add_typer(evaluate.app, name="evaluate")
app.command(epilog=tune.EXIT_CODES)(tune.tune)
app.add_typer(bench.app, name="bench")
app.command(epilog=doctor.EXIT_CODES)(doctor.doctor)
app.add_typer(migrate.app, name="migrate")
app.add_typer(keys.app, name="keys")
app.add_typer(triton.app, name="triton")
app.add_typer(cluster.app, name="cluster")
