"""How a verb of `./hearth` ends: with its exit code, and a user's mistake as one sentence."""

import sys

import typer

from config.errors import ConfigError
from ops.errors import VerbError


def run(app: typer.Typer, argv: list[str], name: str, interrupted: str = "") -> int:
    """Run one verb; its exit code. `interrupted` is what to say after Ctrl-C, if anything."""
    try:
        app(args=argv, prog_name=f"hearth {name}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (VerbError, ConfigError) as error:
        print(f"hearth: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if not interrupted:
            raise
        print(f"\ninterrupted: {interrupted}", file=sys.stderr)
        return 130
    return 0
