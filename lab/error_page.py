"""`docs/errors.md`: what a user reads when something is wrong, as it was seen and not as imagined.

Every case of bad input and of a broken vendor compares what it saw with its row here; with
HEARTH_RECORD=1 it writes the row instead. Texts are normalised first: what differs from run to run
(ports, numbers of tasks and processes, folders) is replaced by a word. It runs nothing.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.md"
RECORD = "HEARTH_RECORD"
AREAS = ("Command line and host", "Stack file", "Proxmox VE", "Machines", "Cluster and vendors")
HEAD = """# What can go wrong, and what it says

Every row was seen: the commands ran, against simulators that failed as the vendors do, and this is
what stood on the screen (folders, ports and task numbers are replaced by a word). The scenarios
`fault-*` and `tests/lab/test_bad_input.py` fail when a message is another than here;
`HEARTH_RECORD=1` makes them write this page anew. After each fault the scenarios prove that the
next `up` or `destroy` goes on from there.
"""
TAIL = """
## The Git server

The program never speaks to it: Flux does, and an `up` hands on what Flux says. What git itself
says is tried in `tests/lab/test_git_ssh.py`, what Flux's controllers say in
`tests/lab/test_flux_chain.py`.
"""
COLUMNS = (
    "| case | what is wrong | exit code | what is said | what to do |\n|---|---|---|---|---|\n"
)
ROW = re.compile(r"\| `([a-z0-9-]+)` \| (.*?) \| (\d+) \| (.*?) \| (.*?) \|")
SWAPS: tuple[tuple[str, str], ...] = (
    (r"\x1b\[[0-9;]*m", ""),
    (r"talos-v[0-9.]+-[0-9a-f]{12}", "talos-VERSION-SCHEMATIC"),
    # A host that was there a moment ago is missed by its peers, and only then by the kernel.
    (r"\((no answer|no route to host)\)", "(no answer)"),
    (r"/image/[0-9a-f]{64}/v[0-9.]+/", "/image/SCHEMATIC/VERSION/"),
    (r"\t", "  "),
    (r"UPID:[^\s\"'`]+", "UPID:..."),
    (r"(\d+\.\d+\.\d+\.\d+):\d{5}->", r"\1:PORT->"),
    (r"127\.0\.0\.1:\d{4,5}\b", "127.0.0.1:PORT"),
    (r"\bpid \d+", "pid N"),
    (r"\bmade \d{4}-\d\d-\d\d", "made DATE"),
    (r"0x[0-9a-f]{6,}", "0x..."),
    (r"nothing has got on for \d+ s", "nothing has got on for N s"),
    (r"\bsha1:[0-9a-f]{40}", "sha1:..."),
    # A server that hangs up is told as one or the other, from whichever node Flux runs on.
    (r"(read tcp \S+: read: connection reset by peer|EOF)$", "(hung up)"),
    # Where a controller unpacks what it fetched.
    (r"/\S+/kustomization-\d+/", "TMP/"),
    (r"^ *warning: using pulumi-language-\S+ from \$PATH.*$", ""),
    (r"(There are|It can run): create,.*$", r"\1: ..."),
    (r"[ \t]+$", ""),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A case as the page has it: lines of what was said, and the exit code."""

    area: str
    name: str
    wrong: str
    exit_code: int
    said: tuple[str, ...]
    remedy: str


class Differs(Exception):  # noqa: N818 (reads as what happened)
    """The page says something else than was seen; the message says what of both."""


def normalised(text: str) -> tuple[str, ...]:
    """Lines without what differs from run to run, without empty ones and repetitions."""
    for pattern, word in SWAPS:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    lines = [line for line in text.replace(str(ROOT), ".").splitlines() if line.strip()]
    return tuple(line for line, _ in groupby(lines))


def read(path: Path = PAGE) -> dict[str, Row]:
    """The rows of the page, by name."""
    found: dict[str, Row] = {}
    area = ""
    for line in path.read_text().splitlines() if path.is_file() else ():
        if line.startswith("## "):
            area = line.removeprefix("## ")
        elif match := ROW.fullmatch(line):
            name, wrong, code, said, remedy = match.groups()
            found[name] = Row(
                area=area,
                name=name,
                wrong=wrong,
                exit_code=int(code),
                said=tuple(unquoted(part) for part in said.split("<br>")),
                remedy=remedy,
            )
    return found


def unquoted(cell: str) -> str:
    """A line of a message out of its cell."""
    return cell.removeprefix("`` ").removesuffix(" ``").replace("\\|", "|")


def quoted(line: str) -> str:
    """A line of a message for its cell; two back quotes, because commands in it have one."""
    return f"`` {line} ``".replace("|", "\\|")


def text(rows: Sequence[Row]) -> str:
    """The whole page."""
    return HEAD + "".join(section(area, rows) for area in AREAS) + TAIL


def section(area: str, rows: Sequence[Row]) -> str:
    """One area's table."""
    lines = "".join(
        f"| `{row.name}` | {row.wrong} | {row.exit_code} | {'<br>'.join(map(quoted, row.said))} | "
        f"{row.remedy} |\n"
        for row in sorted(rows, key=lambda row: row.name)
        if row.area == area
    )
    return f"\n## {area}\n\n{COLUMNS}{lines}" if lines else ""


def compare(seen: Row, environment: Mapping[str, str] = os.environ, path: Path = PAGE) -> None:
    """Insist that the page has this row; raises `Differs`, or writes it where that is asked for."""
    rows = read(path)
    if rows.get(seen.name) == seen:
        return
    if environment.get(RECORD):
        rows[seen.name] = seen
        path.write_text(text(list(rows.values())))
        return
    raise Differs("\n".join(differences(rows.get(seen.name), seen)))


def differences(known: Row | None, seen: Row) -> Iterator[str]:
    """What the page says and what was seen."""
    if known is None:
        yield f"docs/errors.md has no row {seen.name}; seen (exit code {seen.exit_code}):"
        yield from seen.said
    else:
        yield f"docs/errors.md says of {seen.name} (exit code {known.exit_code}):"
        yield from (*known.said, f"seen (exit code {seen.exit_code}):", *seen.said)
    yield f"where the new text is right: {RECORD}=1 writes it down"


def recording(environment: Mapping[str, str]) -> dict[str, str]:
    """The wish to record, for an environment that keeps nothing else of ours."""
    return {RECORD: environment[RECORD]} if environment.get(RECORD) else {}
