# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m lab.proxmox`: the simulated Proxmox VE host as a process of its own."""

import sys
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from lab import serving
from lab.proxmox.machines import Machines
from lab.proxmox.pve import LabPve
from lab.proxmox.wire import Setup


def main() -> int:
    """Serve until told to stop; the exit status."""
    parser = serving.arguments("lab.proxmox", "A simulated Proxmox VE host.")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR")
    parser.add_argument("--setup", type=Path, required=True, metavar="FILE.json")
    parser.add_argument("--machines", metavar="URL", help="control API of the machine simulator")
    parsed = parser.parse_args()
    options = serving.options(parser, parsed)

    def application() -> web.Application:
        try:
            setup = Setup.model_validate_json(parsed.setup.read_bytes())
        except ValidationError as error:
            raise ValueError(f"{parsed.setup}: {error}") from error
        return LabPve(setup, parsed.state, Machines(parsed.machines)).application()

    return serving.run(application, options)


if __name__ == "__main__":
    sys.exit(main())
