"""A Job that Flux cannot change once it is there.

The template of a Job never changes, Kubernetes says no. Flux makes it anew only where it is told
to (`force`, of the object or of its Kustomization); where it is told to leave it alone (`ssa:
IfNotPresent` or `Ignore`, `reconcile: disabled`) it never tries. A Job that Kubernetes takes away
(`ttlSecondsAfterFinished`) stands in the way until it has finished, and one whose pods are refused
never finishes: so that helps only together with `activeDeadlineSeconds`. A name that carries a hash
of its content is not known here from any other name.

Source: fluxcd.io/flux/components/kustomize/kustomizations, "Force" and "Controlling the apply
behavior of resources".
"""

from collections.abc import Iterator

from checks.finding import Finding, Rule
from checks.tree.flux_words import brings, word
from checks.tree.model import Tree, View

NAME = "immutable-job"


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each such Job."""
    for job in tree.of("Job"):
        if job.item.group != "batch" or made_anew(tree, job) or goes_away(job):
            continue
        yield job.finding(
            NAME,
            f"Job {job.name} cannot be changed once it is there: the next change of its template, "
            f"even of its image, stops the whole Kustomization {job.item.brought_by}"
            f"{stays(job)}",
            "annotate it with `kustomize.toolkit.fluxcd.io/force: enabled`, so that Flux makes it "
            "anew, or make it a CronJob",
            "metadata",
        )


def made_anew(tree: Tree, job: View) -> bool:
    """Whether Flux replaces it, or never tries to change it."""
    by = brings(tree, job.item)
    return (
        (by is not None and by.spec.get("force") is True)
        or word(tree, job.item, "force") == "enabled"
        or word(tree, job.item, "ssa") in {"ifnotpresent", "ignore"}
        or word(tree, job.item, "reconcile") == "disabled"
    )


def goes_away(job: View) -> bool:
    """Whether it is sure to end, and to be taken away then."""
    return {"ttlSecondsAfterFinished", "activeDeadlineSeconds"} <= job.spec.keys()


def stays(job: View) -> str:
    """Why a Job that seems to go away stays."""
    if "ttlSecondsAfterFinished" not in job.spec:
        return ""
    return (
        "; `ttlSecondsAfterFinished` takes away only what has finished, and without "
        "`activeDeadlineSeconds` a Job whose pods cannot start never does"
    )


RULE = Rule(
    name=NAME,
    forbids="a Job that Flux has to change and may not make anew",
    outage="a failed service-discovery Job could not be mended in place, and its Kustomization "
    "could not be reconciled until somebody deleted the Job by hand",
    find=find,
)
