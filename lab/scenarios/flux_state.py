"""What Flux has made of a cluster, for the report: its own words, and how much it asks of the API.

Everything is read from Flux's objects with the owner's kubeconfig; nothing here knows what the
tree holds. A cluster that Flux never reached has no such objects, and that is what is reported.
"""

import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import Failed, Rehearsal

Object = Mapping[str, Any]

KUSTOMIZATIONS: Final = "kustomizations.kustomize.toolkit.fluxcd.io"
RELEASES: Final = "helmreleases.helm.toolkit.fluxcd.io"
INSTANCES: Final = "fluxinstances.fluxcd.controlplane.io"
REST_SECONDS: Final = 60.0
_COUNT: Final = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


def flux_state(rehearsal: Rehearsal, charts: Mapping[str, str]) -> dict[str, Any]:
    """Every Kustomization and HelmRelease with Flux's own verdict; `charts`: real or lab."""
    kustomizations = [verdict(item) for item in found(rehearsal, KUSTOMIZATIONS)]
    releases = [{**verdict(item), **chart_of(item, charts)} for item in found(rehearsal, RELEASES)]
    return {
        "kustomizations": kustomizations,
        "helmReleases": releases,
        "unreconciled": left_over([*kustomizations, *releases]),
        "components": [item for each in found(rehearsal, INSTANCES) for item in components(each)],
    }


def found(rehearsal: Rehearsal, kind: str) -> list[Object]:
    """All objects of a kind; none where nobody has defined it."""
    known = rehearsal.kubectl("get", "crd", kind, "--ignore-not-found", "-o", "name")
    if not known.strip():
        return []
    items: list[Object] = json.loads(rehearsal.kubectl("get", kind, "-A", "-o", "json"))["items"]
    return items


def verdict(item: Object) -> dict[str, Any]:
    """What an object's controller says of it: its Ready condition, as it is."""
    metadata, status = item["metadata"], item.get("status") or {}
    ready: Object = next(
        (c for c in status.get("conditions") or [] if c["type"] == "Ready"),
        {"status": "Unknown", "reason": "", "message": "not looked at yet"},
    )
    current = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    return {
        "name": f"{metadata['namespace']}/{metadata['name']}",
        "status": ready["status"] if current else "Unknown",
        "reason": ready["reason"],
        "message": ready["message"],
        "revision": status.get("lastAppliedRevision") or status.get("lastAttemptedRevision"),
        "suspended": bool((item.get("spec") or {}).get("suspend")),
    }


def chart_of(item: Object, charts: Mapping[str, str]) -> dict[str, Any]:
    """A release's chart, the version that runs, and whether that is the vendor's or the lab's."""
    wanted = ((item["spec"].get("chart") or {}).get("spec")) or {}
    history = (item.get("status") or {}).get("history") or [{}]
    name = history[0].get("chartName") or wanted.get("chart")
    version = str(history[0].get("chartVersion") or wanted.get("version") or "")
    bare = version.partition("+")[0].removeprefix("v")
    origin = next(
        (charts[key] for key in (f"{name} {bare}", f"{name} v{bare}") if key in charts), ""
    )
    return {"chart": name, "version": version, "origin": origin or "unknown"}


def left_over(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is not reconciled, each with the reason."""
    return [
        f"{each['name']}: {'suspended' if each['suspended'] else each['message']}"
        for each in verdicts
        if each["suspended"] or each["status"] != "True"
    ]


def components(instance: Object) -> list[dict[str, str]]:
    """The controllers of an instance, by the images that it would run outside."""
    status = instance.get("status") or {}
    return [{"name": one["name"], "tag": one["tag"]} for one in status.get("components") or []]


def differing(state: Mapping[str, Any], tools: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Controllers whose image outside has another version than the program that ran here."""
    return [
        f"{one['name']}: image {one['tag']}, in the lab {tools[one['name']]['version']}"
        for one in state["components"]
        if one["name"] in tools and tools[one["name"]]["version"] != one["tag"].removeprefix("v")
    ]


def spoken(state: Mapping[str, Any] | None) -> str:
    """One sentence for a person."""
    if not state or not state["kustomizations"]:
        return "no Kustomizations"
    ready = [each for each in state["kustomizations"] if each["status"] == "True"]
    return f"{len(ready)} of {len(state['kustomizations'])} Kustomizations Ready"


def requests_at_rest(rehearsal: Rehearsal) -> dict[str, Any]:
    """How many requests a second the control planes answer while nobody does anything.

    Watches, leases and looks of the API servers themselves are in it: it is what a cluster costs.
    """
    servers = control_planes(rehearsal)
    before, started = counted(rehearsal, servers), time.monotonic()
    end = started + REST_SECONDS
    wait_until(lambda: time.monotonic() >= end, REST_SECONDS + 5, "a minute to pass")
    seconds, after = time.monotonic() - started, counted(rehearsal, servers)
    rates = {key: (after[key] - before.get(key, 0.0)) / seconds for key in after}
    busiest = sorted(rates.items(), key=lambda item: -item[1])[:10]
    return {
        "seconds": round(seconds, 1),
        "requestsPerSecond": round(sum(rates.values()), 2),
        "busiest": {key: round(rate, 2) for key, rate in busiest if rate > 0},
    }


def control_planes(rehearsal: Rehearsal) -> list[str]:
    """Where each API server is asked."""
    cluster = rehearsal.cluster()
    addresses = [machine.addresses[0] for machine in cluster.control_planes]
    return [f"https://{address}:6443" for address in addresses]


def counted(rehearsal: Rehearsal, servers: Iterable[str]) -> dict[str, float]:
    """Requests since the start by verb and kind of object, of all API servers together."""
    sums: dict[str, float] = {}
    for server in servers:
        for key, value in parsed(rehearsal.kubectl("--server", server, "get", "--raw", "/metrics")):
            sums[key] = sums.get(key, 0.0) + value
    if not sums:
        raise Failed("no API server counts its requests: apiserver_request_total is nowhere")
    return sums


def parsed(metrics: str) -> Iterable[tuple[str, float]]:
    """`VERB group/resource` and a count, out of an API server's own metrics."""
    for labels, value in _COUNT.findall(metrics):
        found = dict(_LABEL.findall(labels))
        kind = "/".join(filter(None, (found.get("group"), found.get("resource"))))
        yield f"{found.get('verb', '?')} {kind or 'others'}", float(value)
