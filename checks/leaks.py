"""`python -m checks.leaks [--staged]`: no secret in clear in this tree, or in what is staged.

gitleaks looks, by its own rules and `.gitleaks.toml`; what it finds is never printed.
"""

import subprocess
import sys
from pathlib import Path

from checks.tree.ask import Asker, AskError

ROOT = Path(__file__).resolve().parent.parent
TOOL = "gitleaks"
SECONDS = 300
QUIET = ("--no-banner", "--redact", "--verbose", "--log-level=error")


def main(arguments: list[str]) -> int:
    """0 when there is none; 1, and the places, when there is."""
    try:
        program = Asker().tools((TOOL,))[TOOL]
    except AskError as error:
        print(f"hearth: {error}", file=sys.stderr)
        return 2
    what = ("git", "--staged") if "--staged" in arguments else ("dir",)
    done = subprocess.run(
        [str(program), *what, *QUIET, "."], cwd=ROOT, timeout=SECONDS, check=False
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
