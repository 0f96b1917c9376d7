"""`./hearth config check [STACK]` and `./hearth config schema`: the facts, judged and described.

Judges the committed files alone; what a cluster really is, is the matter of day-two verbs.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from config.cluster import Cluster
from config.errors import ConfigError
from config.identity import IDENTITY_KEY, is_the_labs, read_identity
from config.load import (
    ALONE,
    StackFile,
    examine,
    no_such_stack,
    read_stack_file,
    stack_paths,
)
from config.rules import Finding, over_stacks, titles
from config.schema import SCHEMA_FILE, schema_text

ROOT = Path(__file__).resolve().parent.parent
RULES_FILE = Path("docs") / "config.md"

app = typer.Typer(
    name="config",
    help="The stacks' facts: checked, and described for editors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Folder = Annotated[Path, typer.Option("--cwd", "-C", help="where the stack files lie")]


def main(argv: list[str]) -> int:
    """Run one verb; its exit code."""
    try:
        app(args=argv, prog_name="hearth config")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


@app.command()
def check(
    stack: Annotated[str, typer.Argument(help="one stack; all of them by default")] = "",
    cwd: Folder = ROOT,
) -> None:
    """Check stacks, each by itself and against all others."""
    paths = stack_paths(cwd)
    if stack and stack not in paths:
        print(f"hearth: {no_such_stack(stack, paths)}", file=sys.stderr)
        raise typer.Exit(1)
    clusters: dict[str, Cluster] = {}
    refused: dict[str, list[Finding]] = {}
    notes: dict[str, str] = {}
    for name, path in paths.items():
        cluster, found, note = judged(path)
        if cluster is not None:
            clusters[name] = cluster
        refused[name], notes[name] = found, note
    for finding in over_stacks.run(clusters, off=ALONE):
        refused[finding.stack].append(finding)
    shown = [stack] if stack else list(paths)
    for name in shown:
        found = refused[name]
        print(f"ok      {name}: {notes[name]}" if not found else ConfigError(name, found))
    if any(refused[name] for name in shown):
        raise typer.Exit(1)


def judged(path: Path) -> tuple[Cluster | None, list[Finding], str]:
    """A stack's cluster as far as it can be read, its mistakes, and a line about it."""
    try:
        file = read_stack_file(path)
        cluster, found = examine(file.cluster, file.stack)
    except ConfigError as error:
        return None, list(error.findings), ""
    try:
        identity = identity_note(file)
    except ConfigError as error:
        return cluster, [*found, *error.findings], ""
    return cluster, found, f"{described(cluster, file)}, {identity}"


def identity_note(file: StackFile) -> str:
    """Whose identity a stack has; ConfigError when it is none."""
    public = read_identity(file.config.get(IDENTITY_KEY), file.stack)
    if public is None:
        return "no identity yet"
    return "the lab's identity" if is_the_labs(public) else "an identity of its own"


def described(cluster: Cluster | None, file: StackFile) -> str:
    """What a stack is, in a few words."""
    if cluster is None:
        return ""
    nodes = f"{len(cluster.control_planes)} control planes, {len(cluster.workers)} workers"
    return f"{nodes}, {len(file.placeholders)} placeholders, {len(titles())} rules"


@app.command()
def schema(cwd: Folder = ROOT) -> None:
    """Write the editors' JSON Schema and the list of rules anew."""
    for path, text in ((SCHEMA_FILE, schema_text()), (RULES_FILE, rules_text())):
        target = cwd / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        print(f"wrote {path}")


def rules_text() -> str:
    """`docs/config.md`: every rule's ID with what it demands."""
    rows = "\n".join(f"| `{rule}` | {title} |" for rule, title in titles().items())
    return f"""# What a stack's facts must satisfy

`./hearth config check` and every run of the program refuse a stack that breaks one of these rules,
with all mistakes at once. Each finding names the key path, the value, the other party, the fix and
the rule's ID. Rules whose ID begins with `stacks-` compare all committed stacks. Every rule has
failing fixtures in `tests/unit/config/invalid/<rule>/`, which also show its messages.

Editors take keys, forms and descriptions from
[`schema/stack.schema.json`](schema/stack.schema.json) through the first line of a stack file.
`./hearth config schema` writes both that file and this page.

Secrets are keys of their own. 1Password Connect's two are looked at for their form before anything
is built: `hearth:onePasswordCredentials` is `1password-credentials.json` (version 2) as it was
downloaded, not encoded; `hearth:onePasswordToken` is the access token, one line.
`hearth:cloudflareToken` is in [cloudflare.md](cloudflare.md). An external-dns whose target is
`internal` or `unifi` has no key here: its credentials come from 1Password, through the GitOps tree,
and what it serves from `cluster-settings`.

| rule | what it demands |
|---|---|
{rows}
"""
