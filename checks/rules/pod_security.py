"""Pods that their namespace's PodSecurity level refuses.

The level is what the tree's Namespace says; where it says none, Talos lets `baseline` in. Of
namespaces that are the program's the tree does not know the level, so nothing is said of them, nor
of `kube-system`, which Talos exempts, nor of a namespace that pins a version of the standards.

Source: docs.siderolabs.com/kubernetes-guides/security/pod-security.
"""

from collections.abc import Iterator

from checks.finding import Finding, Rule
from checks.pod_security import LEVELS, Pod, violations
from checks.tree.model import Tree, View, Workload, mapping

NAME = "pod-security"
ENFORCE = "pod-security.kubernetes.io/enforce"
DEFAULT = "baseline"
EXEMPT = {"kube-system"}


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each pod that is refused, with all that is wrong with it."""
    namespaces = {one.name: one for one in tree.of("Namespace") if one.item.group == ""}
    for workload in tree.workloads:
        namespace = namespaces.get(workload.namespace)
        if namespace is None or workload.namespace in EXEMPT:
            continue
        level = level_of(namespace)
        refused = violations(level, pod_of(workload)) if level else []
        if refused:
            said = ENFORCE in namespace.labels
            whose = "" if said else ", which Talos enforces where a namespace says nothing"
            yield workload.finding(
                NAME,
                f"{workload.item.kind} {workload.name} gets no pod into its namespace "
                f'{namespace.name}: violates PodSecurity "{level}:latest"{whose}: '
                f"{', '.join(refused)}",
                "set these in the pod; only where it cannot do without, let its namespace in with "
                f"a lower `{ENFORCE}` ({namespace.item.place})",
                *workload.path,
            )


def level_of(namespace: View) -> str | None:
    """The level that a namespace enforces; None where it cannot be told."""
    if namespace.labels.get(f"{ENFORCE}-version", "latest") != "latest":
        return None
    level = str(namespace.labels.get(ENFORCE, DEFAULT))
    return level if level in LEVELS else None


def pod_of(workload: Workload) -> Pod:
    """Its pod, with the annotations that stand beside the pod's spec."""
    notes = mapping(workload.item.document, *workload.path[:-1], "metadata", "annotations")
    return Pod(spec=workload.pod, annotations=notes)


RULE = Rule(
    name=NAME,
    forbids="a pod that its namespace's PodSecurity level refuses",
    outage="a service-discovery Job and Home Assistant stood in `restricted` namespaces without "
    "what these demand: no pod of theirs was let in, and what waited for them waited too",
    find=find,
)
