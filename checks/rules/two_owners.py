"""One thing that two make: two places of the tree, or the tree and the program."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from checks.finding import Finding, Rule
from checks.ownership import places, twice
from checks.tree.model import HelmRelease, Tree, finding, mapping

NAME = "two-owners"
LEFT_ALONE = {
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "kustomize.toolkit.fluxcd.io/ssa": "Ignore",
}
# Charts of which a cluster has one, whatever the release is called, and why.
ONCE: Mapping[str, str] = {
    "cert-manager": "both issue the same Certificates",
    "cilium": "both program the same nodes",
    "external-secrets": "both write the same Secrets",
    "flux-operator": "both run the same FluxInstance",
    "kube-prometheus-stack": "both operators run the same Prometheuses, and each scrapes the nodes",
    "longhorn": "both take the same disks",
    "metallb": "both announce the same addresses",
    "metrics-server": "both are the same APIService, which knows one",
    "sealed-secrets": "both unseal the same SealedSecrets, each with keys of its own",
    "snapshot-controller": "both take the same VolumeSnapshots",
}
# What makes a second one harmless: a value that turns it off, or keeps it to a namespace.
APART: Mapping[str, tuple[tuple[str, ...], str]] = {
    "external-secrets": (("scopedRBAC",), "True"),
    "kube-prometheus-stack": (("prometheusOperator", "enabled"), "False"),
}


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each thing, at the last place that makes it."""
    told = []
    for one in twice([item for item in tree.objects if not left_alone(item.document)], tree.owned):
        told.append(one.item)
        link = ": " if one.ours else " is made by "
        yield finding(one.item, NAME, f"{one.what}{link}{one.owners}. {one.reason}", one.fix)
    charts: dict[str, dict[tuple[str, str], HelmRelease]] = defaultdict(dict)
    for release in tree.releases:
        if release.chart in ONCE and release.item not in told and not apart(release):
            charts[release.chart][release.release] = release
    for chart, releases in charts.items():
        if len(releases) > 1:
            yield installed_again(chart, list(releases.values()))


def left_alone(document: Mapping[str, object]) -> bool:
    """Whether Flux is told to keep its hands off an object."""
    return bool(LEFT_ALONE.items() & mapping(document, "metadata", "annotations").items())


def apart(release: HelmRelease) -> bool:
    """Whether a release of such a chart is one that may stand beside another."""
    path, value = APART.get(release.chart, (("",), ""))
    return str(mapping(release.values, *path[:-1]).get(path[-1])) == value


def installed_again(chart: str, releases: list[HelmRelease]) -> Finding:
    """Several releases of a chart that a cluster has once."""
    named = ", ".join("/".join(one.release) for one in releases)
    return releases[-1].finding(
        NAME,
        f"chart {chart} is installed more than once, as {named}: "
        f"{places(one.item for one in releases)}. A cluster has one of it: {ONCE[chart]}",
        "keep one",
    )


RULE = Rule(
    name=NAME,
    forbids="an object, or a Helm release, that two Kustomizations make, or that the program makes "
    "as well; and a second release of a chart that a cluster has once",
    outage="kube-prometheus-stack stood in apps/monitoring and in infrastructure/monitoring; an "
    "update of both at once left Helm with `missing target release for rollback`, and monitoring "
    "was away",
    find=find,
)
