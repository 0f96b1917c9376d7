"""Asking a cluster for everything of Flux: one list of each kind, one after the other.

`get` answers a path with the JSON that lies there, None for 404. Nothing is kept, nothing retried.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from provider.flux.objects import KINDS, READY, Item, Json, Ref, deployment, item
from provider.flux.world import Evidence, World, named_in, world

Get = Callable[[str], Json | None]
EVENTS = "/api/v1/events?fieldSelector=type%3DWarning&limit=500"
# Where objects lie that health checks name, besides Flux's own.
PLACES = {
    "Deployment": "/apis/apps/v1",
    "StatefulSet": "/apis/apps/v1",
    "DaemonSet": "/apis/apps/v1",
    "Job": "/apis/batch/v1",
    "PersistentVolumeClaim": "/api/v1",
    "Service": "/api/v1",
}
MOST_ASKED = 20
# A controller tells its event a moment before its condition, in whole seconds.
EARLIER = timedelta(seconds=10)


def read(get: Get, namespace: str) -> World:
    """The world as it is now; a kind that the cluster does not know has no objects."""
    items: list[Item] = []
    kinds = set()
    for kind, path in KINDS.items():
        listed = get(path)
        if listed is not None:
            kinds.add(kind)
            items += [item(kind, raw) for raw in listed.get("items") or []]
    deployed = get(f"/apis/apps/v1/namespaces/{namespace}/deployments") or {}
    items += [deployment(raw) for raw in deployed.get("items") or [] if is_flux(raw)]
    return world(items, kinds)


def is_flux(raw: Json) -> bool:
    """Whether a Deployment is one of Flux's own, by its name."""
    name = str(raw["metadata"]["name"])
    return name == "flux-operator" or name.endswith("-controller")


def with_evidence(get: Get, found: World) -> World:
    """The same with what the objects that are waited for say themselves, and their warnings."""
    about = dict.fromkeys(ref for one in found.unready.values() for ref, _ in named_in(one.words))
    about |= dict.fromkeys(found.unready)
    since = {ref: failing_since(found.items[ref]) for ref in about if ref in found.items}
    warned = warnings(get(EVENTS) or {}, set(about), since)
    told = []
    for ref in list(about)[:MOST_ASKED]:
        own = [] if ref in found.items else own_words(get, ref)
        words = tuple(dict.fromkeys([*own, *warned.get(ref, [])]))
        if words:
            told.append(Evidence(ref=ref, words=words))
    return World(items=found.items, kinds=found.kinds, evidence=tuple(told))


def own_words(get: Get, ref: Ref) -> list[str]:
    """What an object's conditions say against it."""
    if ref.kind not in PLACES:
        return []
    raw = get(f"{PLACES[ref.kind]}/namespaces/{ref.namespace}/{ref.kind.lower()}s/{ref.name}")
    found = ((raw or {}).get("status") or {}).get("conditions") or []
    return [
        f"{ref}: {one.get('reason', '')}: {one.get('message', '')}"
        for one in found
        if one.get("message") and one.get("reason") not in {"MinimumReplicasAvailable", "Complete"}
    ]


def failing_since(found: Item) -> datetime | None:
    """When what it says of itself now began; None where it says nothing for good."""
    ready = found.conditions.get(READY)
    return moment(ready.since) if ready and ready.status == "False" else None


def moment(text: str) -> datetime | None:
    """A time of the API's, None where there is none."""
    return datetime.fromisoformat(text) if text else None


def is_old(event: Json, since: datetime | None) -> bool:
    """Whether it was last seen before what is told now began: an hour of them is kept."""
    series = event.get("series") or {}
    seen = event.get("lastTimestamp") or series.get("lastObservedTime") or event.get("eventTime")
    last = moment(str(seen or ""))
    return bool(last and since and last < since - EARLIER)


def warnings(
    listed: Json, about: set[Ref], since: Mapping[Ref, datetime | None]
) -> dict[Ref, list[str]]:
    """Warnings of objects, and of their pods and replica sets, which carry their names."""
    found: dict[Ref, list[str]] = {}
    for event in listed.get("items") or []:
        of = event.get("involvedObject") or {}
        one = Ref(str(of.get("kind")), str(of.get("namespace", "")), str(of.get("name")))
        for ref in about:
            if (one == ref or belongs(one, ref)) and not is_old(event, since.get(ref)):
                line = f"{one}: {event.get('reason')}: {str(event.get('message')).strip()}"
                found.setdefault(ref, [])
                if line not in found[ref]:
                    found[ref].append(line)
    return found


def belongs(one: Ref, ref: Ref) -> bool:
    """Whether a pod, replica set or job was made for a workload."""
    made = one.kind in {"Pod", "ReplicaSet", "Job"} and ref.kind in PLACES and ref.kind != "Service"
    return made and one.namespace == ref.namespace and one.name.startswith(f"{ref.name}-")
