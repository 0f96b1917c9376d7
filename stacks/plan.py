"""`python -m stacks.plan`: what checks have to know of the program, as JSON, without running it.

For each committed stack where its tree begins, what Flux substitutes, and what the program makes in
the cluster itself. Facts alone: no engine, no secrets, nothing outside is asked.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from components.secrets.settings import settings
from config.errors import ConfigError
from config.load import load_cluster, read_stack_file, stack_paths
from stacks.owned import owned

ROOT = Path(__file__).resolve().parent.parent


def plan(path: Path, stack: str) -> dict[str, Any]:
    """One stack's; raises ConfigError for facts that do not add up."""
    cluster = load_cluster(read_stack_file(path).cluster, stack)
    return {
        "path": cluster.gitops.path,
        "settings": settings(cluster),
        "owned": asdict(owned(cluster)),
    }


def main(root: Path) -> int:
    """Print all stacks' plans; 1, and every mistake, when the facts of one do not add up."""
    found: dict[str, Any] = {}
    for stack, path in stack_paths(root).items():
        try:
            found[stack] = plan(path, stack)
        except ConfigError as error:
            print(error, file=sys.stderr)
    if found.keys() != stack_paths(root).keys():
        return 1
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT))
