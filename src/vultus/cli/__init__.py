"""The command line: ``vultus detect | embed | index | compare | serve | models | evaluate | tune | bench | doctor``."""


def main() -> None:
    """Run the command line on this process's arguments and exit with its code."""
    try:
        from vultus.cli.app import app

        app()
    except KeyboardInterrupt:  # before or after the commands, which end themselves
        raise SystemExit(130) from None
