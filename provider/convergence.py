"""Convergence: Flux has brought the cluster to what Git says, or a tree of what waits for what.

Its create is a watch, in stages: the operator, its controllers, the source, the root, the tree. It
ends when all is Ready, when nothing has got on for a while, or at its deadline; then it fails with
the causes in the controllers' own words. It mends nothing and reconciles nothing.

Its delete suspends Flux, so that nothing is made again while the cluster is taken down, and says
which volumes and load balancers there are. A cluster that does not answer is a warning: it must
never be in the way of a destroy. The next create takes that suspension back, and no other.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import httpx2

from provider import api_server
from provider.api_server import Json
from provider.cluster_api import ClusterApi
from provider.flux import suspension
from provider.flux.objects import Ref
from provider.flux.progress import Watch, behind, stage
from provider.flux.reading import read, with_evidence
from provider.flux.tree import final, lines
from provider.flux.world import World
from provider.rpc import Properties, Refused, Resource, operation, plain
from provider.rpc.diff import compare

POLL_SECONDS = 2.0
# So long a cause that does not pass by itself has to stand before nobody waits for it any more.
SURE_SECONDS = 30.0
READ_SECONDS = 30.0
ANSWER_SECONDS = 10.0
DELETE_SECONDS = 20.0
# A machine that is off answers nothing at all: a destroy does not wait long to learn that.
DELETE_ANSWER_SECONDS = 5.0
SUSPENDED_FOR = "a destroy of the stack; pulumi up takes it back"


class Convergence(Resource):
    """Inputs: `kubeconfig`, `namespace`, `instance`, `stallSeconds`, `deadlineSeconds`.

    `trigger` is whatever, once changed, must make it watch again; `expected` are the objects (as
    Kind/namespace/name) that are known not to become Ready, each with the reason.
    """

    required = ("kubeconfig", "namespace", "instance", "stallSeconds", "deadlineSeconds")
    secret_outputs = ("kubeconfig",)

    def __init__(
        self, poll_seconds: float = POLL_SECONDS, sure_seconds: float = SURE_SECONDS
    ) -> None:
        self.poll_seconds, self.sure_seconds = poll_seconds, sure_seconds

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Take back our own suspension, and watch."""
        if preview:
            return "", self.planned(inputs)
        known = plain(inputs)
        self.watch(known, timeout)
        return f"{known['namespace']}/{known['instance']}", inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Watch again when Flux is told something else; another kubeconfig is only kept."""
        del id
        if not preview and any(path != "kubeconfig" for path, _ in compare(olds, news)):
            self.watch(plain(news), timeout)
        return self.planned(news, olds)

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """Suspend all that Flux reconciles; whatever is in the way is only told."""
        del id
        known, call = plain(state), operation.current()
        try:
            with api_server.connect(known["kubeconfig"]) as client:
                api = ClusterApi(
                    client, each=DELETE_ANSWER_SECONDS, together=timeout or DELETE_SECONDS
                )
                told = quieten(api, known["namespace"])
        except (api_server.Unreachable, Refused) as error:
            call.check_cancelled()
            call.warn(
                f"Flux was not suspended ({api_server.problem(error)}); the destroy goes on. Where "
                "the cluster still lives, Flux may make again what is being taken away."
            )
            return
        call.info("\n".join(told))

    def watch(self, known: Json, timeout: float) -> None:
        """Poll until all is Ready; refuse with the tree when it does not become so."""
        seconds = timeout or float(known["deadlineSeconds"])
        began = time.monotonic()
        watcher, call, shown = Watch(changed=began), operation.current(), ""
        with api_server.connect(known["kubeconfig"]) as client:
            while True:
                world, words = self.look(client, known)
                now = time.monotonic()
                if world is not None:
                    watcher.look(world, now)
                    found = stage(world, known["namespace"], known["instance"])
                    words = found.words
                    if found.name == "done":
                        call.info(finished(world, words, now - began))
                        return
                if words != shown:
                    call.status(f"Flux: {words}")
                    shown = words
                if why := self.gives_up(known, world, now - watcher.changed):
                    raise Refused(told(why, words, explained(client, world)))
                if now - began >= seconds:
                    why = f"the deadline of {seconds:.0f} s is over"
                    raise Refused(told(why, words, explained(client, world)))
                call.wait(self.poll_seconds)

    def look(self, client: httpx2.Client, known: Json) -> tuple[World | None, str]:
        """The world as it is, our own suspension taken back; or why it could not be seen."""
        api = ClusterApi(client, each=ANSWER_SECONDS, together=READ_SECONDS)
        try:
            world = read(api.get, known["namespace"])
            ours = list(suspension.resuming(list(world.items.values())))
            for patch in ours:
                api.patch(patch.path, patch.body)
            if ours:  # what was just read is all asleep, and would look as if it were well
                world = read(api.get, known["namespace"])
        except api_server.Unreachable as error:
            return None, f"the Kubernetes API does not answer ({api_server.problem(error)})"
        return without(world, known.get("expected") or {}), ""

    def gives_up(self, known: Json, world: World | None, still: float) -> str:
        """Why nobody should wait any longer, "" while there is hope; `still` in seconds."""
        if world is None:
            return ""
        if still >= float(known["stallSeconds"]):
            return f"nothing has got on for {still:.0f} s"
        if still >= self.sure_seconds and final(world):
            return "no cause of it passes by itself"
        return ""


def explained(client: httpx2.Client, world: World | None) -> list[str]:
    """The tree, with whatever else can be heard of what is waited for."""
    if world is None:
        return []
    # Without an answer the controllers' own words are known all the same.
    with suppress(api_server.Unreachable, Refused):
        world = with_evidence(
            ClusterApi(client, each=ANSWER_SECONDS, together=READ_SECONDS).get, world
        )
    late = [f"{ref} is still at another revision than its source" for ref in behind(world)]
    return [*lines(world), *late]


def without(world: World, expected: Mapping[str, str]) -> World:
    """The world without what is known not to become Ready."""
    kept = {ref: one for ref, one in world.items.items() if str(ref) not in expected}
    return replace(world, items=kept)


def quieten(api: ClusterApi, namespace: str) -> list[str]:
    """Suspend everything, and say what is at stake."""
    world = read(api.get, namespace)
    root = Ref("Kustomization", namespace, namespace)
    patches = list(suspension.suspending(list(world.items.values()), root, SUSPENDED_FOR))
    for patch in patches:
        api.patch(patch.path, patch.body)
    volumes = (api.get("/api/v1/persistentvolumes") or {}).get("items") or []
    services = (api.get("/api/v1/services") or {}).get("items") or []
    stake = suspension.at_stake(volumes, services)
    return [
        f"Flux is suspended: {len(patches)} Kustomizations and HelmReleases",
        *(f"  {line}" for line in stake or ["no volumes and no load balancers are there"]),
    ]


def finished(world: World, words: str, seconds: float) -> str:
    """What there is to say when all is Ready."""
    asleep = [str(ref) for ref, one in sorted(world.items.items()) if one.suspended]
    more = f"; suspended, so not waited for: {', '.join(asleep)}" if asleep else ""
    return f"Flux has converged after {seconds:.0f} s: {words}{more}"


def told(why: str, words: str, tree: list[str]) -> str:
    """The error: why it ended, how far it came, the causes, and the way on."""
    advice = (
        "Mend the causes (Flux goes on by itself once Git is mended), then run `pulumi up` again: "
        "it watches anew. `./hearth status STACK` shows the same at any time."
    )
    return "\n".join([f"Flux has not converged: {why}. {words}", *tree, advice])
