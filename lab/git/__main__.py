"""`python -m lab.git`: the Git server of the lab as a process of its own."""

import sys
from pathlib import Path

from lab import serving
from lab.git.repository import Repository
from lab.git.routes import application


def main() -> int:
    """Serve until told to stop; the exit status."""
    parser = serving.arguments("lab.git", "A Git server with the committed gitops tree.")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR")
    parser.add_argument("--source", type=Path, required=True, metavar="CHECKOUT")
    parser.add_argument("--folder", default="gitops", help="what of the checkout is served")
    parsed = parser.parse_args()
    options = serving.options(parser, parsed)
    repository = Repository(parsed.state.resolve(), parsed.source.resolve(), parsed.folder)
    return serving.run(lambda: application(repository), options)


if __name__ == "__main__":
    sys.exit(main())
