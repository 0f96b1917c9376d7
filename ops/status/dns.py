"""Names: the records that the stack wants, and what they resolve to from here.

A name that does not resolve is a note: whose resolver this machine asks, how long an old answer is
kept, and what a parent zone holds is not the stack's. Zones and vendors' accounts are not asked.
"""

import socket
from collections.abc import Callable, Mapping

from config.cluster import Cluster
from ops.status.report import Row, Section, Verdict

Resolve = Callable[[str], list[str]]


def resolve(name: str) -> list[str]:
    """The addresses of a name, [] when it has none; OSError when nobody could be asked."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}:
            return []
        raise
    return sorted({str(entry[4][0]) for entry in found})


def wanted(cluster: Cluster) -> dict[str, str]:
    """Names by what they have to resolve to, "" for anything at all."""
    names: dict[str, str] = {}
    delegation = cluster.dns.delegation
    if delegation is not None:
        names[delegation.nameserver] = str(delegation.secondary)
    cloudflare = cluster.dns.cloudflare
    if cloudflare is not None and cloudflare.tunnel is not None:
        for hostname in cloudflare.tunnel.hostnames:
            names[str(hostname).replace("*.", "status.")] = ""
    return names


def dns(cluster: Cluster, ask: Resolve = resolve) -> Section:
    """Every name that the facts speak of."""
    names = wanted(cluster)
    if not names:
        return Section(name="dns", summary="the facts want no name")
    return judged(names, ask)


def judged(names: Mapping[str, str], ask: Resolve) -> Section:
    """Whether each resolves to what it should."""
    rows = []
    for name, address in names.items():
        try:
            found = ask(name)
        except OSError as error:
            rows.append(
                Row(name=name, verdict=Verdict.NOTE, why=f"could not ask: {error.strerror}")
            )
            continue
        right = bool(found) if not address else address in found
        why = f"it resolves to {', '.join(found) or 'nothing'}, wanted is {address or 'an address'}"
        rows.append(
            Row(
                name=name,
                verdict=Verdict.WELL if right else Verdict.NOTE,
                actual={"addresses": ", ".join(found)},
                why="" if right else why,
                todo="" if right else "ask its name server; `pulumi up` prints the records wanted",
            )
        )
    well = sum(row.verdict is Verdict.WELL for row in rows)
    return Section(name="dns", rows=tuple(rows), summary=f"{well} of {len(rows)} names resolve")
