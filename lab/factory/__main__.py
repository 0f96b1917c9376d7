"""`python -m lab.factory`: the simulated Talos Image Factory as a process of its own."""

import json
import sys
from pathlib import Path

from aiohttp import web

from lab import serving
from lab.factory.routes import application
from lab.factory.state import Factory

EXTENSIONS = Path(__file__).with_name("extensions.txt")
EMPTY = b"customization: {}\n"


def known_extensions() -> tuple[str, ...]:
    """The names in `extensions.txt`, comments left out."""
    lines = EXTENSIONS.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def main() -> int:
    """Serve until told to stop; the exit status."""
    parser = serving.arguments("lab.factory", "A simulated Talos Image Factory.")
    parser.add_argument("--state", type=Path, metavar="DIR", help="keep schematics here")
    parsed = parser.parse_args()
    options = serving.options(parser, parsed)
    file: Path | None = parsed.state / "schematics.json" if parsed.state else None

    def make() -> web.Application:
        factory = Factory(known_extensions())
        factory.put(EMPTY)  # the factory's front page offers it, so it is always there
        if file and file.is_file():
            for text in json.loads(file.read_text(encoding="utf-8")):
                factory.put(text.encode())

        def save() -> None:
            if file is None:
                return
            file.parent.mkdir(parents=True, exist_ok=True)
            scratch = file.with_suffix(".new")
            texts = [schematic.text for schematic in factory.schematics.values()]
            scratch.write_text(json.dumps(texts), encoding="utf-8")
            scratch.replace(file)

        return application(factory, save)

    return serving.run(make, options)


if __name__ == "__main__":
    sys.exit(main())
