"""Faults that need a cluster: its API or the charts' server is away while an `up` changes it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lab.error_page import AREAS
from lab.scenarios.facts_file import Facts
from lab.scenarios.fault import Fault, Takeover
from lab.scenarios.machines import CONTROL_PLANE, cable, facts, machine_id
from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.world.services import CHARTS

CLUSTER = AREAS[4]
BACK_SECONDS = 120.0


@contextmanager
def api_away(rehearsal: Rehearsal) -> Iterator[None]:
    """No control plane is on the network, while a setting changes."""

    def other_zone(cluster: Facts) -> None:
        cluster["seeds"]["settings"]["timezone"] = "Europe/Vienna"

    with ExitStack() as plugged, rehearsal.facts.edited(other_zone):
        for found in facts(rehearsal)["machines"]:
            if found["role"] == CONTROL_PLANE:
                plugged.callback(cable, rehearsal, machine_id(found), "up")
                cable(rehearsal, machine_id(found), "down")
        yield
    wait_until(lambda: is_whole(rehearsal), BACK_SECONDS, "the cluster to come back")


def is_whole(rehearsal: Rehearsal) -> bool:
    """Whether the API answers and every node is Ready."""
    try:
        return all(line.split()[1] == "Ready" for line in rehearsal.nodes())
    except Failed:
        return False


@contextmanager
def charts_away(rehearsal: Rehearsal) -> Iterator[None]:
    """The charts' server is out of order, while Cilium's values change."""

    def smaller(cluster: Facts) -> None:
        cluster["cilium"]["mtu"] -= 50

    url = f"{CHARTS.url}/-/faults"
    rehearsal.vendors.ask("POST", url, {"kind": "unavailable"})
    try:
        with rehearsal.facts.edited(smaller):
            yield
    finally:
        rehearsal.vendors.ask("DELETE", url)


FAULTS = (
    Fault(
        name="fault-charts-away",
        area=CLUSTER,
        wrong="the server of Cilium's chart is out of order",
        remedy="wait for it, or reach it; then `pulumi up`",
        says=("helm.cilium.io", "503"),
        setting=charts_away,
        takeover=Takeover.UNCHANGED,
    ),
    Fault(
        name="fault-api-away",
        area=CLUSTER,
        wrong="the Kubernetes API does not answer at the second `up`",
        remedy="bring the control planes back; then `pulumi up`",
        says=("the Kubernetes API has been away for 60 s", "run `pulumi up` again"),
        setting=api_away,
        takeover=Takeover.UNCHANGED,
    ),
)
