"""Delegation: whether a parent zone points at the cluster's public name server.

Where a person adds the records by hand, `up` cannot: it prints them and looks whether they resolve.
Not resolving is a warning, never a failure, because the records wanted are known only now.
"""

import socket

from provider.rpc import Properties, Resource, operation, plain


class Delegation(Resource):
    """Inputs: `zone`, `nameserver`, `address`; output `records`, the lines for the parent zone."""

    required = ("zone", "nameserver", "address")
    computed = ("records",)

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Say which records are wanted, and whether the name server resolves already."""
        del timeout
        wanted = plain(inputs)
        outputs = {**inputs, "records": records(wanted)}
        if preview:
            return "", outputs
        look(wanted)
        return str(wanted["zone"]), outputs

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
        wanted = plain(news)
        if not preview:
            look(wanted)
        return {**news, "records": records(wanted)}

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """The parent zone is its owner's: say what has become superfluous."""
        del id, timeout
        wanted = plain(state)
        lines = "\n".join(f"  {line}" for line in records(wanted))
        operation.current().info(f"the parent zone of {wanted['zone']} may still hold:\n{lines}")


def records(wanted: Properties) -> list[str]:
    """The records for the parent zone, in a zone file's form."""
    return [
        f"{wanted['zone']}. 300 IN NS {wanted['nameserver']}.",
        f"{wanted['nameserver']}. 300 IN A {wanted['address']}",
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
