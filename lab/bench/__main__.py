"""`python -m lab.bench [PART...] [--stack STACK]`: measures the parts, all when none is named.

A part about a stack measures the one that is named; the others have nothing to do with it.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from functools import partial
from subprocess import TimeoutExpired

from config.errors import ConfigError
from lab import tools
from lab.bench.commands import checks, commands, rehearsal
from lab.bench.engine import preview, scale, starts
from lab.bench.imports import imports
from lab.bench.table import Failed, Row, header, shown
from lab.world import WorldError

STACK = "test-cluster"
Part = Callable[[], Iterable[Row]]
OF_A_STACK: dict[str, Callable[[str], Iterable[Row]]] = {
    "preview": preview,
    "starts": starts,
    "rehearsal": rehearsal,
}
OF_NONE: dict[str, Part] = {
    "imports": imports,
    "scale": scale,
    "checks": checks,
    "commands": commands,
}
ORDER = ("imports", "preview", "scale", "starts", "rehearsal", "checks", "commands")


def parts(stack: str) -> dict[str, Part]:
    """What can be measured, in its order."""
    known = OF_NONE | {name: partial(part, stack) for name, part in OF_A_STACK.items()}
    return {name: known[name] for name in ORDER}


def main(argv: list[str]) -> int:
    """Measure and print; a part that fails is said, and the others go on."""
    asked = argparse.ArgumentParser(prog="python -m lab.bench")
    asked.add_argument("part", nargs="*", help=f"of {', '.join(ORDER)}; all when none is named")
    asked.add_argument("--stack", default=STACK, help=f"for {', '.join(OF_A_STACK)}")
    words = asked.parse_args(argv)
    known, failed = parts(words.stack), False
    if unknown := [name for name in words.part if name not in known]:
        print(f"there is no part {', '.join(unknown)}; there are: {', '.join(known)}")
        return 2
    print(header())
    for name in words.part or known:
        try:
            shown(known[name]())
        except (
            *(Failed, WorldError, ConfigError),
            *(tools.ToolError, tools.ToolsMissing, TimeoutExpired),
        ) as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            failed = True
        except KeyboardInterrupt:
            print(f"\ninterrupted in {name}: its world has ended with it", file=sys.stderr)
            return 130
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
