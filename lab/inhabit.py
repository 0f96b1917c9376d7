"""Creates a stack's cluster in a world that is up: `python -m lab.inhabit STACK`, run inside.

What `./hearth lab up` ends with, so that whoever enters finds a cluster, and kubectl and talosctl
pointed at it.
"""

import os
import sys
from pathlib import Path

from lab.engine import Engine
from lab.errors import EngineError
from lab.scenarios.timeline import Timeline

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str]) -> int:
    """Select, up, and write down the credentials where the environment says they are."""
    timeline = Timeline(sys.stdout)
    logs = Path(os.environ["KUBECONFIG"]).parent / "engine"
    engine = Engine(project=ROOT, stack=argv[0], logs=logs, watch=timeline.stage)
    timeline.heading(f"pulumi up -s {argv[0]}")
    try:
        engine.select()
        outcome = engine.must(engine.up())
        for variable in ("KUBECONFIG", "TALOSCONFIG"):
            write(Path(os.environ[variable]), engine.output(variable.lower()))
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    timeline.result("up", passed=True, seconds=outcome.seconds, detail="the cluster is there")
    return 0


def write(path: Path, text: str) -> None:
    """A file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
