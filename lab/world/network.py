"""The LAN inside the network namespace: loopback up, a bridge that carries the operator's address.

The bridge also has the LAN's gateways and the addresses of everything that a machine reaches
through them: nothing is routed, a packet for a gateway finds the internet right behind it.
Machines plug themselves in; this only lays the cable.
"""

import ipaddress
import subprocess
from collections.abc import Sequence

from lab.world.errors import WorldError
from lab.world.plan import BRIDGE

DEADLINE = 20.0  # seconds per command


def commands(addresses: Sequence[str], beyond: Sequence[str] = ()) -> list[list[str]]:
    """Return what makes the LAN.

    `addresses` are the operator's, with prefix lengths; `beyond` are gateways and what lies behind
    them: single addresses, which the operator's side never speaks from to a machine.
    """
    made = [
        ["ip", "link", "set", "lo", "up"],
        ["ip", "link", "add", BRIDGE, "type", "bridge"],
    ]
    for text in addresses:
        address = ipaddress.ip_interface(text)
        # Nobody else can have the address, and probing for that costs a second of "tentative".
        sure = ["nodad"] if address.version == 6 else []
        made.append(["ip", "address", "add", str(address), "dev", BRIDGE, *sure])
    for text in dict.fromkeys(beyond):
        alone = ipaddress.ip_interface(text)  # a /32 or /128
        unused = ["nodad", "preferred_lft", "0"] if alone.version == 6 else []
        made.append(["ip", "address", "add", str(alone), "dev", BRIDGE, *unused])
    made.append(["ip", "link", "set", BRIDGE, "up"])
    return made


def lay(addresses: Sequence[str], beyond: Sequence[str] = ()) -> None:
    """Make the LAN in the network namespace we are in."""
    for command in commands(addresses, beyond):
        run(command)


def run(command: list[str]) -> None:
    """Run one system command; WorldError quotes it and what it said."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DEADLINE, check=False
        )
    except FileNotFoundError:
        raise WorldError(
            f"`{command[0]}` is not installed: the lab needs iproute2 and util-linux"
        ) from None
    except subprocess.TimeoutExpired:
        raise WorldError(f"`{' '.join(command)}` did not end within {DEADLINE:.0f} s") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        raise WorldError(f"`{' '.join(command)}` failed: {said}")
