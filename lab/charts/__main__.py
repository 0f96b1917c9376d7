"""`python -m lab.charts`: chart repositories as a process of their own."""

import sys
from pathlib import Path

from aiohttp import web

from lab import serving
from lab.charts.routes import application
from lab.charts.state import load


def main() -> int:
    """Serve until told to stop; the exit status."""
    parser = serving.arguments("lab.charts", "The chart repositories of the lab.")
    parser.add_argument("--real", type=Path, metavar="DIR", help="real chart archives win")
    parser.add_argument("--crds", type=Path, metavar="DIR", help="generated definitions, by name")
    parsed = parser.parse_args()
    options = serving.options(parser, parsed)

    def make() -> web.Application:
        return application(load(parsed.real, parsed.crds))

    return serving.run(make, options)


if __name__ == "__main__":
    sys.exit(main())
