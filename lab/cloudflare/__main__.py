"""`python -m lab.cloudflare`: the simulated Cloudflare API as a process of its own."""

import sys
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from lab import serving
from lab.cloudflare.routes.application import application
from lab.cloudflare.routes.gate import now
from lab.cloudflare.state.store import Store
from lab.cloudflare.wire import Setup


def main() -> int:
    """Serve until told to stop; the exit status."""
    parser = serving.arguments("lab.cloudflare", "A simulated Cloudflare API v4.")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR")
    parser.add_argument("--setup", type=Path, required=True, metavar="FILE.json")
    parsed = parser.parse_args()
    options = serving.options(parser, parsed)
    file: Path = parsed.state / "cloudflare.json"

    def make() -> web.Application:
        try:
            setup = Setup.model_validate_json(parsed.setup.read_bytes())
        except ValidationError as error:
            raise ValueError(f"{parsed.setup}: {error}") from error
        store = Store.load(file) if file.is_file() else Store.fresh(setup, now())
        store.save(file)
        return application(store, lambda: store.save(file))

    return serving.run(make, options)


if __name__ == "__main__":
    sys.exit(main())
