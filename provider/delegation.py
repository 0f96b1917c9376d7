"""Delegation: whether a parent zone points at the cluster's public name server.

Where a person adds the records by hand, `up` cannot: it prints them and looks whether they resolve.
Not resolving is a warning, never a failure, because the records wanted are known only now.
"""

import socket
from ipaddress import ip_address

from provider.rpc import UNKNOWN, Properties, Resource, has_unknown, operation, plain


class Delegation(Resource):
    """Inputs: `zone`, `nameserver`, `address`; output `records`, the lines for the parent zone."""

    required = ("zone", "nameserver", "address")
    computed = ("records",)

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Say which records are wanted, and whether the name server resolves already."""
        del timeout
        if preview:
            return "", with_records(inputs)
        wanted = plain(inputs)
        look(wanted)
        return str(wanted["zone"]), with_records(inputs)

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Say it again: the records have changed."""
        del id, olds, timeout
        if not preview:
            look(plain(news))
        return with_records(news)

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """The parent zone is its owner's: say what has become superfluous."""
        del id, timeout
        wanted = plain(state)
        lines = "\n".join(f"  {line}" for line in records(wanted))
        operation.current().info(f"the parent zone of {wanted['zone']} may still hold:\n{lines}")


def with_records(inputs: Properties) -> Properties:
    """The outputs as far as they are known; the records follow from the inputs alone."""
    return {**inputs, "records": UNKNOWN if has_unknown(inputs) else records(plain(inputs))}


def records(wanted: Properties) -> list[str]:
    """The records for the parent zone, in a zone file's form."""
    address = ip_address(str(wanted["address"]))
    kind = "A" if address.version == 4 else "AAAA"
    return [
        f"{wanted['zone']}. 300 IN NS {wanted['nameserver']}.",
        f"{wanted['nameserver']}. 300 IN {kind} {address}",
    ]


def look(wanted: Properties) -> None:
    """Warn when the name server's name does not resolve to its address."""
    name, address = str(wanted["nameserver"]), str(wanted["address"])
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(name, 53, type=socket.SOCK_DGRAM)}
    except OSError as error:
        found, reason = set(), f"{name} does not resolve ({error})"
    else:
        reason = f"{name} resolves to {', '.join(sorted(found))}, not to {address}"
    if address not in found:
        lines = "\n".join(f"  {line}" for line in records(wanted))
        operation.current().warn(f"{reason}; the parent zone needs:\n{lines}")
