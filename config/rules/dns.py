"""DNS: every name is served by one instance, from a zone that can be written to."""

from collections.abc import Iterator
from itertools import combinations

from config.cluster import Cluster
from config.rules.model import Finding, over_cluster


def within(name: str, domain: str) -> bool:
    """Whether a name is the domain itself or lies below it; a wildcard counts as its parent."""
    bare = name.removeprefix("*.")
    return bare == domain or bare.endswith(f".{domain}")


def overlap(one: str, other: str) -> bool:
    """Whether two domains share names."""
    return within(one, other) or within(other, one)


@over_cluster("external-dns-owner", "Every external-dns has a name and an owner ID of its own")
def external_dns_owner(cluster: Cluster) -> Iterator[Finding]:
    """Two instances with one owner delete each other's records, again and again."""
    for attribute, key in (("name", "name"), ("owner_id", "ownerId")):
        seen: dict[str, int] = {}
        for index, instance in enumerate(cluster.dns.external_dns):
            value = getattr(instance, attribute)
            first = seen.setdefault(value, index)
            if first != index:
                yield Finding(
                    path=f"dns.externalDns[{index}].{key}",
                    value=value,
                    message=f"{value} is also the {key} of externalDns[{first}]",
                    fix=f"use one that says what it serves: {cluster.name}-{instance.target}",
                )


@over_cluster("external-dns-filters", "Domain filters of external-dns instances are disjoint")
def external_dns_filters(cluster: Cluster) -> Iterator[Finding]:
    """One name in two zones resolves to whichever instance wrote last."""
    filters = [
        (f"dns.externalDns[{i}].domainFilters[{j}]", instance.name, domain)
        for i, instance in enumerate(cluster.dns.external_dns)
        for j, domain in enumerate(instance.domain_filters)
    ]
    for (first, owner, one), (path, _, other) in combinations(filters, 2):
        if overlap(one, other):
            yield Finding(
                path=path,
                value=other,
                message=f"{other} overlaps {one} of {owner} ({first})",
                fix="give every instance domains of its own, none below another's",
            )


@over_cluster("cloudflare-section", "What uses Cloudflare finds dns.cloudflare")
def cloudflare_section(cluster: Cluster) -> Iterator[Finding]:
    """The zone, the account and the token come from there."""
    if cluster.dns.cloudflare is not None:
        return
    users = [
        (f"dns.externalDns[{i}].target", f"external-dns {instance.name}")
        for i, instance in enumerate(cluster.dns.external_dns)
        if instance.target == "cloudflare"
    ]
    if cluster.dns.delegation and cluster.dns.delegation.provider == "cloudflare":
        users.append(("dns.delegation.provider", "the delegation"))
    for path, what in users:
        yield Finding(
            path=path,
            value="cloudflare",
            message=f"cloudflare is used by {what}, and there is no dns.cloudflare",
            fix="add dns.cloudflare with zone and account, or choose another one here",
        )


@over_cluster("cloudflare-zone", "What is written to Cloudflare lies inside its zone")
def cloudflare_zone(cluster: Cluster) -> Iterator[Finding]:
    """Cloudflare refuses a record of another zone, after everything else was built."""
    cloudflare = cluster.dns.cloudflare
    if cloudflare is None:
        return
    hostnames = cloudflare.tunnel.hostnames if cloudflare.tunnel else ()
    written = [(f"dns.cloudflare.tunnel.hostnames[{i}]", x) for i, x in enumerate(hostnames)]
    written += [
        (f"dns.externalDns[{i}].domainFilters[{j}]", domain)
        for i, instance in enumerate(cluster.dns.external_dns)
        for j, domain in enumerate(instance.domain_filters)
        if instance.target == "cloudflare"
    ]
    if cluster.dns.delegation and cluster.dns.delegation.provider == "cloudflare":
        written.append(("domain", cluster.domain))
    for path, name in written:
        if not within(name, cloudflare.zone):
            yield Finding(
                path=path,
                value=name,
                message=f"{name} lies outside the zone {cloudflare.zone} (dns.cloudflare.zone)",
                fix=f"use a name that ends with .{cloudflare.zone}, or correct the zone",
            )


@over_cluster("delegated-records", "Records below a delegation are not written to the parent")
def delegated_records(cluster: Cluster) -> Iterator[Finding]:
    """A parent zone never serves what lies below its own delegation."""
    if cluster.dns.delegation is None:
        return
    for i, instance in enumerate(cluster.dns.external_dns):
        for j, domain in enumerate(instance.domain_filters):
            if instance.target == "cloudflare" and within(domain, cluster.domain):
                yield Finding(
                    path=f"dns.externalDns[{i}].domainFilters[{j}]",
                    value=domain,
                    message=f"{domain} is delegated to {cluster.dns.delegation.nameserver} "
                    "(dns.delegation); Cloudflare would never be asked for it",
                    fix="write these records with `target: powerdns`, or drop the delegation",
                )


@over_cluster("delegation-nameserver", "The delegation's name server is public and outside it")
def delegation_nameserver(cluster: Cluster) -> Iterator[Finding]:
    """The NS is the public secondary: the primary's address is private."""
    delegation = cluster.dns.delegation
    if delegation is None:
        return
    if not delegation.secondary.is_global:
        yield Finding(
            path="dns.delegation.secondary",
            value=delegation.secondary,
            message=f"{delegation.secondary} is not a public address; resolvers cannot ask it",
            fix="name the public secondary's address, not the primary's inside the cluster",
        )
    if within(delegation.nameserver, cluster.domain):
        yield Finding(
            path="dns.delegation.nameserver",
            value=delegation.nameserver,
            message=f"{delegation.nameserver} lies inside {cluster.domain}, which it is to serve",
            fix="name the secondary by a name of the parent zone",
        )
