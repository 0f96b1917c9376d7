"""`python -m lab.git`: the Git server of the lab as a process of its own."""

import argparse
import sys
from pathlib import Path

from lab import serving
from lab.git.repository import Repository
from lab.git.routes import application
from lab.git.ssh import Door


def main() -> int:
    """Serve until told to stop; the exit status."""
    parser = serving.arguments("lab.git", "A Git server with the committed gitops tree.")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR")
    parser.add_argument("--source", type=Path, required=True, metavar="CHECKOUT")
    parser.add_argument("--folder", default="gitops", help="what of the checkout is served")
    parser.add_argument("--name", metavar="OWNER/NAME", help="the repository's path; none: any")
    parser.add_argument("--ssh", type=serving.address, metavar="IP:PORT", help="serve SSH, too")
    parser.add_argument("--host-key", type=Path, metavar="FILE", help="SSH: the server's own key")
    parser.add_argument("--client-key", metavar="LINE", help="SSH: the public key that may come in")
    parsed = parser.parse_args()
    options = serving.options(parser, parsed)
    repository = Repository(
        parsed.state.resolve(), parsed.source.resolve(), parsed.folder, parsed.name
    )
    return serving.run(lambda: application(repository, door(parsed)), options)


def door(parsed: argparse.Namespace) -> Door | None:
    """The SSH door that was asked for; `ValueError` when its keys are not all there."""
    if parsed.ssh is None:
        return None
    if parsed.host_key is None or parsed.client_key is None:
        raise ValueError("--ssh needs --host-key and --client-key")
    return Door.read(parsed.ssh, parsed.host_key, parsed.client_key)


if __name__ == "__main__":
    sys.exit(main())
