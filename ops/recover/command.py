"""`./hearth recover STACK`: what to do after `pulumi` was killed, by one command.

SIGKILL leaves the file backend locked, and creates of which nobody knows how far they came. It
frees the lock when it is our own dead one, looks at the world for each cut-off create, adopts what
is ours and whole, removes what is ours and half made, and names whatever else there is. Until
everything can be settled the state stays as it is. It starts no run of the program.
"""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
import yaml

from ops.engine import Engine
from ops.errors import VerbError
from ops.identity import find
from ops.recover import processes, state
from ops.recover.checkpoint import mend
from ops.recover.findings import Finding, Verdict
from ops.recover.lock import (
    Here,
    backend_url,
    free,
    lock_folder,
    objection,
    read_locks,
    state_folder,
)
from ops.recover.worlds import Worlds
from ops.verbs import run

ROOT = Path(__file__).resolve().parents[2]
PLUGIN_SECONDS = 20.0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def main(argv: list[str]) -> int:
    """Run the command; 0 when nothing is left to settle."""
    return run(app, argv, "recover", "run it again, it starts from what there is")


@app.command()
def recover(
    stack: Annotated[str, typer.Argument(help="the stack, as in Pulumi.STACK.yaml")],
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="remove half-made things unasked")
    ] = False,
    cwd: Annotated[Path, typer.Option("--cwd", "-C", help="the project's folder")] = ROOT,
) -> None:
    """Free the dead lock of a stack and settle what its last run left unfinished."""
    file, _ = find(cwd, stack)
    began = time.monotonic()
    free_locks(cwd, stack, os.environ)
    await_plugins(cwd)
    engine = Engine(cwd, stack, os.environ)
    document = engine.export()
    operations = state.pending(document)
    if not operations:
        print(f"{stack}: nothing is pending.")
        return
    findings = judge(Worlds(engine, file.cluster), document, operations)
    refuse_what_is_left(operations, findings)
    remove(findings, yes=yes)
    settle(engine, document, operations, findings)
    print(
        f"{stack} is settled after {time.monotonic() - began:.1f} s. Go on with what was cut off: "
        f"`pulumi up --stack {stack}` or `pulumi destroy --stack {stack}`."
    )


def free_locks(project: Path, stack: str, environment: Mapping[str, str]) -> None:
    """Mend the checkpoint, free our own dead locks; VerbError when there is any other."""
    name = str(yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8"))["name"])
    backend = state_folder(backend_url(project, environment))
    if backend is None:
        print("The backend is no folder: if it is locked by a dead run, `pulumi cancel` frees it.")
        return
    here = Here.now()
    locks = read_locks(lock_folder(backend, name, stack))
    objections = [(lock, reason) for lock in locks if (reason := objection(lock, here))]
    if objections:
        named = "\n".join(f"  {lock}: {reason}." for lock, reason in objections)
        raise VerbError(f"{stack} is locked, and not by a dead run of ours:\n{named}")
    for line in mend(backend / "stacks" / name, stack):
        print(line)
    for lock in locks:
        free(lock)
        print(f"freed the lock of {lock}, which is no more")


def await_plugins(project: Path) -> None:
    """Wait for plugins that outlived the engine: they still change the world."""
    left = processes.await_end(project, PLUGIN_SECONDS)
    if left:
        raise VerbError(
            f"{', '.join(map(str, left))} of the dead run still works on something: wait for it to "
            "end, or end it, then run this again."
        )


def judge(
    worlds: Worlds, document: state.Document, operations: list[state.Pending]
) -> dict[str, Finding]:
    """A finding for each cut-off create, by its URN."""
    return {
        item.urn: worlds.judge(item, known=state.has(document, item.urn))
        for item in operations
        if item.operation == state.CREATING
    }


def refuse_what_is_left(operations: list[state.Pending], findings: Mapping[str, Finding]) -> None:
    """Name everything that a person has to decide, before anything is changed."""
    names = {item.urn: item.name for item in operations}
    lines = [
        f"  {names[urn]}: {finding.seen}."
        for urn, finding in findings.items()
        if finding.verdict is Verdict.LEFT
    ]
    if lines:
        raise VerbError("this cannot be settled here; the state is as it was:\n" + "\n".join(lines))


def remove(findings: Mapping[str, Finding], *, yes: bool) -> None:
    """Take away what is half made, after asking."""
    doomed = [item for item in findings.values() if item.remove is not None]
    if not doomed:
        return
    print("to be removed:\n" + "\n".join(f"  {item.seen}" for item in doomed), flush=True)
    if not yes and not sys.stdin.isatty():
        raise VerbError("nobody can be asked here: say --yes to have these removed.")
    if not yes and not typer.confirm("remove them?"):
        raise VerbError("nothing was removed, and the state is as it was.")
    for item in doomed:
        if item.remove is not None:
            item.remove()


def settle(
    engine: Engine,
    document: state.Document,
    operations: list[state.Pending],
    findings: Mapping[str, Finding],
) -> None:
    """Write the settled state, say what became of what, and read anew what may have changed."""
    adopted = {u: f for u, f in findings.items() if f.verdict is Verdict.ADOPTED}
    engine.put(state.settled(document, adopted))
    reread = dict.fromkeys(adopted)
    for item in operations:
        finding = findings.get(item.urn)
        if item.operation == state.CREATING and finding is not None:
            print(f"{finding.verdict:8} {item.name}: {finding.seen}")
        elif state.has(document, item.urn):
            print(f"read     {item.name}: it was cut off while {item.operation}")
            reread[item.urn] = None
    if reread:
        engine.refresh(list(reread))
