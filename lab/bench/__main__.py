"""`python -m lab.bench [PART...]`: measures the parts, all of them when none is named."""

import sys
from collections.abc import Callable, Iterable
from subprocess import TimeoutExpired

from lab import tools
from lab.bench.commands import commands, rehearsal
from lab.bench.engine import preview, scale, starts
from lab.bench.imports import imports
from lab.bench.table import Failed, Row, header, shown
from lab.world import WorldError

PARTS: dict[str, Callable[[], Iterable[Row]]] = {
    "imports": imports,
    "preview": preview,
    "scale": scale,
    "starts": starts,
    "rehearsal": rehearsal,
    "commands": commands,
}


def main(argv: list[str]) -> int:
    """Measure and print; a part that fails is said, and the others go on."""
    unknown = [name for name in argv if name not in PARTS]
    if unknown:
        print(f"there is no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
        return 2
    failed = False
    print(header())
    for name in argv or PARTS:
        try:
            shown(PARTS[name]())
        except (Failed, WorldError, tools.ToolError, tools.ToolsMissing, TimeoutExpired) as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            failed = True
        except KeyboardInterrupt:
            print(f"\ninterrupted in {name}: its world has ended with it", file=sys.stderr)
            return 130
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
