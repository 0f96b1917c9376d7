"""`python -m checks.told COMMAND...`: what it says is shown, and blocks nothing."""

import subprocess
import sys

SECONDS = 120


def main(command: list[str]) -> int:
    """Run it, and end well."""
    subprocess.run(command, timeout=SECONDS, check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
