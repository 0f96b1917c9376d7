"""Deadlines that stand in the wrong order: hooks, their release, and who waits for it."""

import re
from collections.abc import Iterator

from checks.finding import Finding, Rule
from checks.tree.charts import Part, templates
from checks.tree.model import HelmRelease, Kustomization, Tree, mapping

NAME = "helm-timeout"
HELMS_OWN = "5m"
PART = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)")
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
DEADLINE = re.compile(r"^\s*activeDeadlineSeconds:\s*(?P<seconds>\d+)\s*$", re.MULTILINE)


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each release and who waits for it, and for each hook that takes longer."""
    for one in tree.releases:
        text, path = longest(one)
        unsaid = (
            "" if "timeout" in mapping(one.item.document, *path[:-1]) else ", as it says nothing"
        )
        for waiting in (k for k in tree.kustomizations if waits(k, one)):
            given = str(waiting.spec.get("timeout") or waiting.spec.get("interval") or "")
            if 0 < seconds(given) <= seconds(text):
                yield one.finding(
                    NAME,
                    f"HelmRelease {one.name} may take {text}{unsaid}, and Kustomization "
                    f"{waiting.name}, which waits for it, gives up after {given}: it tells that "
                    "something was not ready, and not what Helm says of it",
                    f"give {waiting.name} a longer `timeout`, or the release a shorter one",
                    *path,
                )
        for part in templates(tree, one):
            yield from slow_hook(one, text, part)


def longest(one: HelmRelease) -> tuple[str, tuple[str, ...]]:
    """The longest that an install or an upgrade may take, and where that stands."""
    general = str(one.spec.get("timeout") or HELMS_OWN)
    found: list[tuple[str, tuple[str, ...]]] = []
    for action in ("install", "upgrade"):
        own = mapping(one.spec, action).get("timeout")
        found.append(
            (str(own), ("spec", action, "timeout")) if own else (general, ("spec", "timeout"))
        )
    return max(found, key=lambda each: seconds(each[0]))


def waits(kustomization: Kustomization, one: HelmRelease) -> bool:
    """Whether a Kustomization is done only when a release is."""
    if kustomization.spec.get("wait"):
        return one.item.brought_by == kustomization.name
    return any(
        (check.get("kind"), check.get("namespace"), check.get("name"))
        == ("HelmRelease", one.namespace, one.name)
        for check in kustomization.health_checks
    )


def slow_hook(one: HelmRelease, timeout: str, part: Part) -> Iterator[Finding]:
    """A hook's Job that may go on for longer than Helm waits for it."""
    if "helm.sh/hook" not in part.text or not re.search(r"^kind: Job\s*$", part.text, re.MULTILINE):
        return
    for match in DEADLINE.finditer(part.text):
        if 0 < seconds(timeout) <= int(match["seconds"]):
            yield Finding(
                file=part.file,
                line=part.line_of(match.start("seconds")),
                rule=NAME,
                message=f"this hook may take {match['seconds']}s, and HelmRelease {one.name} gives "
                f"up after {timeout}: the release has failed while its hook still works",
                fix="give the release a longer `timeout`, or the hook a shorter deadline",
            )


def seconds(text: str) -> float:
    """A duration as Go writes it; 0 for what is none."""
    parts = list(PART.finditer(text))
    if "".join(part[0] for part in parts) != text:
        return 0
    return sum(float(part["number"]) * UNITS[part["unit"]] for part in parts)


RULE = Rule(
    name=NAME,
    forbids="a HelmRelease that may take as long as the Kustomization that waits for it, or a hook "
    "that may take as long as its release",
    outage="installations went beyond their 15 minutes and hooks beyond their 5; all that depended "
    "on them stood still, and nothing said which of them it was",
    find=find,
)
