"""`./hearth unprotect STACK`: lets a protected stack's machines go, after its name was typed.

A stack with `protected: true` refuses to be destroyed, and to have a machine replaced. This takes
the mark off everything in its state; it changes nothing else, and nothing outside the state. The
next `pulumi up` puts it back for as long as the stack's file says so.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ops.engine import Engine
from ops.errors import VerbError
from ops.identity import find
from ops.recover.state import Document
from ops.verbs import run

ROOT = Path(__file__).resolve().parent.parent

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def main(argv: list[str]) -> int:
    """Run the command; 0 when nothing of the stack is protected any more."""
    return run(app, argv, "unprotect", "look with `pulumi stack` before you go on")


@app.command()
def unprotect(
    stack: Annotated[str, typer.Argument(help="the stack, as in Pulumi.STACK.yaml")],
    *,
    yes: Annotated[
        str | None, typer.Option("--yes", metavar="STACK", help="its name, instead of typing it")
    ] = None,
    cwd: Annotated[Path, typer.Option("--cwd", "-C", help="the project's folder")] = ROOT,
) -> None:
    """Take the protection off everything in a stack's state."""
    find(cwd, stack)
    engine = Engine(cwd, stack, os.environ)
    names = list(protected(engine.export()))
    if not names:
        print(f"{stack}: nothing is protected.")
        return
    print(f"protected in {stack}:\n" + "\n".join(f"  {name}" for name in names), flush=True)
    agree(stack, yes)
    engine.unprotect()
    print(
        f"Nothing in {stack} is protected any more: `pulumi destroy --stack {stack}` takes "
        "its cluster down now, and a changed fact may replace a machine. The next `pulumi up` "
        f"protects them again, for as long as Pulumi.{stack}.yaml says protected: true."
    )


def protected(document: Document) -> Iterator[str]:
    """Type and name of every resource with the mark, in the state's order."""
    for item in document["deployment"].get("resources") or []:
        if item.get("protect") and not item.get("delete"):
            kind = str(item["type"]).rpartition(":")[2]
            yield f"{kind} {str(item['urn']).rpartition('::')[2]}"


def agree(stack: str, given: str | None) -> None:
    """Insist on the stack's name, given or typed; VerbError for any other."""
    if given is None:
        print(f"Type the stack's name to have them unprotected: {stack}", flush=True)
        given = sys.stdin.readline().strip()
    if given != stack:
        answer = f"{given} is not {stack}" if given else "no name was typed"
        raise VerbError(f"{answer}; everything is protected as it was.")
