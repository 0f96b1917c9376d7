"""The first Python that runs in a plugin: puts the project on the path, calls the plugin's `main`.

`pulumi-resource-NAME` is `lab.plugins.NAME.__main__.main`, the language host that of
`lab.plugins.language`. It runs as a script, so that neither its own folder nor the caller's is
searched for modules.
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Run the plugin that the first argument names; the rest are the engine's arguments."""
    command = sys.argv.pop(1)
    name = command.removeprefix("pulumi-resource-")
    name = "language" if name == "pulumi-language-python" else name
    sys.path.insert(0, str(ROOT))
    importlib.import_module(f"lab.plugins.{name}.__main__").main()


if __name__ == "__main__":
    main()
