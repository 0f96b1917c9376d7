"""`./hearth check [STACK...]`: the GitOps trees, judged before a commit.

It reads files and asks nobody outside. It ends with 0 when nothing is found, with 1 when something
is, and with 2 when it could not look.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from checks.charts import fetch
from checks.finding import Rule
from checks.owners import owned
from checks.report import FORMATS
from checks.rules import RULES
from checks.run import findings
from checks.tree.ask import CRDS, KUSTOMIZE, Asker, AskError
from checks.tree.build import Builder, content_of
from checks.tree.load import Loader
from checks.tree.model import Tree
from checks.wording import did_you_mean

ROOT = Path(__file__).resolve().parent.parent
GITOPS = "gitops"
HELM = "helm"
ARCHIVES = "charts"
PAGE = Path("docs") / "checks.md"
# What the trees are judged by; a change of anything else cannot make a finding.
CONCERNED = (GITOPS, "Pulumi.", "config/", "components/", "stacks/", "checks/")
GIT_SECONDS = 60

TABLE = "| rule | what it forbids | because |\n|---|---|---|\n"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Stacks = Annotated[list[str] | None, typer.Argument(help="stacks; all of them by default")]
Format = Annotated[str, typer.Option("--format", help=", ".join(FORMATS))]
Without = Annotated[list[str] | None, typer.Option(help="a rule to leave out; may be repeated")]
Changed = Annotated[
    bool, typer.Option("--changed", help="look only if something changed that can matter")
]
Base = Annotated[str, typer.Option(help="what to compare with for --changed")]
Listing = Annotated[bool, typer.Option("--rules", help="list the rules, and look at nothing")]
Owners = Annotated[bool, typer.Option("--owners", help="list every object with who makes it")]
Fetching = Annotated[bool, typer.Option("--charts", help="fetch charts, to check their values")]
Writing = Annotated[bool, typer.Option("--write-page", help="write docs/checks.md anew")]
Folder = Annotated[Path, typer.Option("--cwd", "-C", help="the repository")]


def main(argv: list[str]) -> int:
    """Run it; its exit code."""
    try:
        app(args=argv, prog_name="hearth check")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


@app.command()
def check(
    stacks: Stacks = None,
    *,
    form: Format = "text",
    without: Without = None,
    changed: Changed = False,
    base: Base = "origin/main",
    rules: Listing = False,
    owners: Owners = False,
    charts: Fetching = False,
    write_page: Writing = False,
    cwd: Folder = ROOT,
) -> None:
    """Check the GitOps trees of stacks: every Kustomization built, every rule asked."""
    began = time.monotonic()
    if rules:
        print("\n".join(f"{rule.name:20} {rule.forbids}" for rule in RULES))
        return
    if write_page:
        (ROOT / PAGE).write_text(page((ROOT / PAGE).read_text(), RULES))
        return
    refuse_unknown("format", [form], list(FORMATS))
    refuse_unknown("rule", without or [], [rule.name for rule in RULES])
    root = cwd.resolve()
    if changed and not concerned(root, base):
        print(f"nothing that the trees are judged by has changed since {base}", file=sys.stderr)
        return
    trees = asked(root, stacks or [], charts=charts)
    if owners:
        print("\n".join(line for tree in trees for line in owned(tree)))
        return
    found = findings(trees, without or ())
    said = FORMATS[form](found, RULES)
    if said:
        print(said)
    told = f"{len(found)} finding{'s' * (len(found) != 1)} in {counted(trees)}"
    print(f"{told}, {time.monotonic() - began:.1f} s", file=sys.stderr)
    if found:
        raise typer.Exit(1)


def asked(root: Path, stacks: Sequence[str], *, charts: bool) -> list[Tree]:
    """The trees, with their charts fetched where that is wanted; ends with 2 where it cannot."""
    try:
        trees = loaded(root, stacks)
        for line in fetched(trees) if charts else ():
            print(f"not looked at: {line}", file=sys.stderr)
    except AskError as error:
        print(f"hearth: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    return trees


def page(text: str, rules: Sequence[Rule]) -> str:
    """`docs/checks.md` with its table written anew; what stands before that is a person's."""
    rows = (f"| `{one.name}` | {one.forbids} | {one.outage} |\n" for one in rules)
    return "".join([text.partition(TABLE)[0], TABLE, *rows])


def loaded(root: Path, stacks: Sequence[str]) -> list[Tree]:
    """The trees of some stacks, or of all; raises `AskError`."""
    asker = Asker()
    plans = {one.stack: one for one in asker.plans(root)}
    if not plans:
        raise AskError(f"{root} has no Pulumi.STACK.yaml, so there is no tree to look at")
    refuse_unknown("stack", stacks, list(plans))
    tools = asker.tools((KUSTOMIZE, *CRDS))
    kustomize = tools.pop(KUSTOMIZE)
    builder = Builder(
        root=root,
        kustomize=kustomize,
        cache=asker.cache / "builds",
        content=content_of([root / GITOPS]),
    )
    loader = Loader(
        builder=builder,
        definitions=asker.kinds(tools.values()),
        archives=asker.cache / ARCHIVES,
    )
    return [loader.load(plans[stack]) for stack in stacks or plans]


def fetched(trees: Sequence[Tree]) -> list[str]:
    """Get the charts of some trees; what could not be had. Raises `AskError`."""
    asker = Asker()
    return fetch(trees, asker.tools((HELM,))[HELM], asker.cache / ARCHIVES)


def counted(trees: Sequence[Tree]) -> str:
    """What was looked at."""
    objects = sum(len(tree.objects) for tree in trees)
    names = ", ".join(tree.stack for tree in trees)
    return f"{objects} objects of {names} by {len(RULES)} rules"


def refuse_unknown(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    """End with every word that is not known, and the one that may have been meant."""
    strange = [word for word in given if word not in known]
    for word in strange:
        question = did_you_mean(word, known) or f": there are {', '.join(known)}"
        print(f"hearth: there is no {what} {word}{question}", file=sys.stderr)
    if strange:
        raise typer.Exit(2)


def concerned(root: Path, base: str) -> bool:
    """Whether anything has changed since a commit that the trees are judged by.

    Findings are not sorted by file: what is committed has none, so all of them are the change's,
    also those that show in a file it did not touch.
    """
    names = [
        *git(root, "diff", "--name-only", "--merge-base", base),
        *git(root, "ls-files", "--others", "--exclude-standard"),
    ]
    return any(name.startswith(CONCERNED) for name in names)


def git(root: Path, *arguments: str) -> list[str]:
    """The lines that git answers."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise typer.BadParameter("--changed needs git on the PATH") from None
    if done.returncode != 0:
        raise typer.BadParameter(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.splitlines()
