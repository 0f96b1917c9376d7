"""`python -m lab.tools [--json] [NAME...]`: get every program the lab runs, and say where each is.

With `--json` the paths by name go to standard output, and everything else to the other one.
"""

import json
import sys
import time

from lab.tools import ToolError, ToolsMissing, ensure
from lab.tools.progress import Printer, table


def main(arguments: list[str]) -> int:
    """Return 0 when all are there; 1 with one sentence for each that is not; 130 on Ctrl-C."""
    started = time.monotonic()
    machine = "--json" in arguments
    names = [word for word in arguments if word != "--json"]
    try:
        tools = ensure(names or None, Printer(sys.stderr if machine else sys.stdout))
    except ToolsMissing as missing:
        print(table(missing.found, missing.failures))
        print(f"\n{missing}", file=sys.stderr)
        return 1
    except ToolError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted: nothing half-made is kept, run this again", file=sys.stderr)
        return 130
    if machine:
        print(json.dumps({name: str(tool.path) for name, tool in tools.items()}))
        return 0
    print(table(tools, ()))
    print(f"all {len(tools)} tools are there after {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
