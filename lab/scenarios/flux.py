"""Flux at its work: a commit arrives, a bad one is survived, and what that costs at rest.

A commit is made as the owner's push would make it; the tree is put back afterwards. It concerns one
Kustomization that every cluster has and that prunes: the root does not, on purpose. What Flux says
is read from its own objects.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from lab.scenarios.entry import Entry
from lab.scenarios.flux_state import (
    KUSTOMIZATIONS,
    RELEASES,
    Object,
    found,
    left_over,
    requests_at_rest,
    verdict,
)
from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import Failed, Rehearsal

SECONDS: Final = 120.0
SOURCES: Final = "gitrepositories.source.toolkit.fluxcd.io"
REQUESTED: Final = "reconcile.fluxcd.io/requestedAt"
NAMESPACE: Final = "flux-system"
WATCHED: Final = (SOURCES, KUSTOMIZATIONS, RELEASES)
HELD_BACK: Final = "DependencyNotReady"
PROBED: Final = "infrastructure-sources"
FOLDER: Final = "gitops/infrastructure/sources"
PROBE: Final = "hearth-commit"
PROBE_TEXT: Final = f"""apiVersion: v1
kind: ConfigMap
metadata:
  name: {PROBE}
  namespace: {NAMESPACE}
data:
  commit: {{word}}
"""
BROKEN_TEXT: Final = PROBE_TEXT.partition("\ndata:")[0] + "\ndata: none\n"


def git_url(rehearsal: Rehearsal, path: str) -> str:
    """One of the Git server's own endpoints."""
    return rehearsal.vendors.worlds["git"].removesuffix("world") + path


def commit(rehearsal: Rehearsal, message: str, files: Mapping[str, str | None]) -> str:
    """Commit whole files by their paths, None for one that goes; the commit."""
    body = {"message": message, "files": dict(files)}
    return str(rehearsal.vendors.ask("POST", git_url(rehearsal, "commit"), body)["commit"])


@contextmanager
def tree_put_back(rehearsal: Rehearsal) -> Iterator[None]:
    """Whatever is committed meanwhile, the committed tree of the checkout is served afterwards."""
    try:
        yield
    finally:
        rehearsal.vendors.ask("POST", git_url(rehearsal, "refresh"))
        look(rehearsal)


def with_probe(rehearsal: Rehearsal, word: str) -> dict[str, str | None]:
    """The files of a commit that adds a ConfigMap to the tree."""
    known = rehearsal.engine.project / FOLDER / "kustomization.yaml"
    return {
        f"{FOLDER}/{PROBE}.yaml": PROBE_TEXT.replace("{word}", word),
        f"{FOLDER}/kustomization.yaml": listed(known.read_text(), f"{PROBE}.yaml"),
    }


def listed(text: str, resource: str) -> str:
    """A kustomization.yaml with one more file at the top of its resources."""
    lines = text.splitlines()
    place = lines.index("resources:") + 1
    width = len(lines[place]) - len(lines[place].lstrip(" "))
    return "\n".join([*lines[:place], f"{' ' * width}- {resource}", *lines[place:]]) + "\n"


def look(rehearsal: Rehearsal) -> None:
    """Have Flux look at Git and at what is probed now, as its owner would."""
    stamp = f"{REQUESTED}={datetime.now(UTC).isoformat()}"
    for kind, name in ((SOURCES, NAMESPACE), (KUSTOMIZATIONS, PROBED)):
        rehearsal.kubectl(
            *("-n", NAMESPACE, "annotate", kind, name, stamp, "--overwrite"),
            "--field-manager=flux-client-side-apply",
        )


def probed(rehearsal: Rehearsal) -> dict[str, Any]:
    """Flux's verdict on the Kustomization that the commits concern."""
    name = f"{NAMESPACE}/{PROBED}"
    for item in found(rehearsal, KUSTOMIZATIONS):
        if (seen := verdict(item))["name"] == name:
            return seen
    raise Failed(f"there is no Kustomization {name}")


def has(rehearsal: Rehearsal, word: str) -> bool:
    """Whether the ConfigMap is there and says so."""
    template = "--output=jsonpath={.data.commit}"
    args = ("-n", NAMESPACE, "get", "configmap", PROBE, "--ignore-not-found", template)
    return rehearsal.kubectl(*args).strip() == word


def is_at(rehearsal: Rehearsal, revision: str) -> bool:
    """Whether it is Ready at a commit."""
    seen = probed(rehearsal)
    return seen["status"] == "True" and str(seen["revision"]).endswith(revision)


def arrives(rehearsal: Rehearsal) -> str:
    """A commit is applied; what a later one takes away is pruned."""
    with tree_put_back(rehearsal):
        made = commit(rehearsal, "Add a ConfigMap", with_probe(rehearsal, "first"))
        look(rehearsal)
        wait_until(lambda: has(rehearsal, "first"), SECONDS, "the commit to be applied")
        wait_until(lambda: is_at(rehearsal, made), SECONDS, "it to be Ready at the commit")
    wait_until(lambda: has(rehearsal, ""), SECONDS, "what the tree no longer has to be pruned")
    insist_well(rehearsal)
    return f"applied at {made[:12]}, and pruned when the tree had it no more"


def broken(rehearsal: Rehearsal) -> str:
    """A commit that cannot be applied is told; what runs goes on; the next one heals.

    What depends on the broken one is held back at its revision, as Flux has it, and says so.
    """
    before, ran = verdicts(rehearsal), running(rehearsal)
    with tree_put_back(rehearsal):
        files = with_probe(rehearsal, "broken")
        files[f"{FOLDER}/{PROBE}.yaml"] = BROKEN_TEXT
        commit(rehearsal, "Break a ConfigMap", files)
        look(rehearsal)
        wait_until(lambda: probed(rehearsal)["status"] == "False", SECONDS, "Flux to complain")
        said = probed(rehearsal)
        if PROBE not in said["message"]:
            raise Failed(f"Flux does not name what is wrong: {said['reason']}: {said['message']}")
        held = insist_harmless(rehearsal, said["name"], before)
        shown = rehearsal.hearth("status", rehearsal.stack, seconds=SECONDS)
        if "Traceback" in shown.stderr:
            raise Failed(f"./hearth status ended badly:\n{shown.stderr}")
        healed = commit(rehearsal, "Mend it", with_probe(rehearsal, "healed"))
        look(rehearsal)
        wait_until(lambda: is_at(rehearsal, healed), SECONDS, "the good commit to heal it")
        wait_until(lambda: has(rehearsal, "healed"), SECONDS, "the good commit to be applied")
    wait_until(lambda: has(rehearsal, ""), SECONDS, "what the tree no longer has to be pruned")
    insist_well(rehearsal)
    if running(rehearsal) != ran:
        raise Failed(f"a broken commit changed what runs: {sorted(ran ^ running(rehearsal))}")
    return (
        f"told as {said['reason']}, {held} that depend on it were held back, everything that ran "
        "ran on, and the next good commit healed it"
    )


def insist_harmless(rehearsal: Rehearsal, broken_one: str, before: Mapping[str, str]) -> int:
    """Insist that others only wait for the broken one; how many do."""
    others = [verdict(item) for item in found(rehearsal, KUSTOMIZATIONS)]
    changed = [one for one in others if one["name"] != broken_one and one["status"] != "True"]
    harmed = [
        f"{one['name']}: {one['reason']}: {one['message']}"
        for one in changed
        if one["reason"] != HELD_BACK and one["status"] != before[one["name"]]
    ]
    if harmed:
        raise Failed("a broken commit changed what it does not concern:\n" + "\n".join(harmed))
    return len(changed)


def running(rehearsal: Rehearsal) -> set[str]:
    """Every workload with how many of its pods are ready."""
    listed = rehearsal.kubectl("get", "deployments,daemonsets,statefulsets", "-A", "-o", "json")
    return {" ".join(map(str, workload(item))) for item in json.loads(listed)["items"]}


def workload(item: Object) -> tuple[str, str, str, int]:
    """Kind, namespace, name, and pods that are ready."""
    metadata, status = item["metadata"], item.get("status") or {}
    ready = status.get("readyReplicas", status.get("numberReady", 0))
    return item["kind"], metadata["namespace"], metadata["name"], ready


def verdicts(rehearsal: Rehearsal) -> dict[str, str]:
    """Every Kustomization's Ready condition by its name."""
    seen = [verdict(item) for item in found(rehearsal, KUSTOMIZATIONS)]
    return {one["name"]: one["status"] for one in seen}


def insist_well(rehearsal: Rehearsal, seconds: float = SECONDS) -> None:
    """Every Kustomization comes to be Ready again."""

    def well() -> bool:
        return set(verdicts(rehearsal).values()) == {"True"}

    try:
        wait_until(well, seconds, "every Kustomization to be Ready again")
    except Failed as late:
        seen = (verdict(item) for kind in WATCHED for item in found(rehearsal, kind))
        raise Failed("\n".join([str(late), *left_over(seen)])) from None


def at_rest(rehearsal: Rehearsal) -> str:
    """How much the API is asked while nobody does anything, for a minute."""
    seen = requests_at_rest(rehearsal)
    rehearsal.notes["apiAtRest"] = json.dumps(seen)
    most = ", ".join(f"{key} {rate}/s" for key, rate in list(seen["busiest"].items())[:3])
    return f"{seen['requestsPerSecond']} requests/s over {seen['seconds']:.0f} s; most: {most}"


ENTRIES = (
    Entry(name="flux-commit", run=arrives, starts_with_cluster=True, ends_with_cluster=True),
    Entry(name="flux-broken-commit", run=broken, starts_with_cluster=True, ends_with_cluster=True),
    Entry(name="flux-at-rest", run=at_rest, starts_with_cluster=True, ends_with_cluster=True),
)
