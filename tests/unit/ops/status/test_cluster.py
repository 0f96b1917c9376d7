"""Nodes, Cilium, Flux, names and credentials: what is read, judged against the facts."""

import json
import socket
from typing import Any

import pytest

from ops.errors import VerbError
from ops.recover.state import SIGNATURE
from ops.status import dns, flux
from ops.status.access import KUBECONFIG, SCHEMATIC, SECRETS, access
from ops.status.kubernetes import bracketed, image_tag, judged_nodes, workload_row
from ops.status.report import Section, Verdict
from tests.unit.provider.flux_objects import (
    SYSTEM,
    failed,
    instance,
    kustomization,
    repository,
    waiting,
    world_of,
)
from tests.unit.provider.kube_api import NO_CNI, READY

pytestmark = pytest.mark.unit


def node(conditions: Any = READY, version: str = "v1.36.3", **spec: Any) -> dict[str, Any]:
    info = {"kubeletVersion": version}
    return {"spec": spec, "status": {"conditions": conditions, "nodeInfo": info}}


def wrong(section: Section) -> dict[str, str]:
    return {row.name: row.why for row in section.rows if row.verdict is Verdict.WRONG}


def test_nodes_that_are_ready_in_the_wanted_version_are_well() -> None:
    section = judged_nodes(["cp1"], "v1.36.3", {"cp1": node()})
    assert (section.verdict, section.summary) == (
        Verdict.WELL,
        "1 of 1 Ready with Kubernetes v1.36.3",
    )


def test_every_node_that_is_not_as_wanted_is_named_with_the_reason() -> None:
    found = {
        "a": node(NO_CNI),
        "b": node(version="v1.35.1"),
        "c": node(unschedulable=True),
        "stranger": node(),
    }
    told = wrong(judged_nodes(["a", "b", "c", "missing"], "v1.36.3", found))
    assert told == {
        "a": "cni plugin not initialized",
        "b": "its kubelet is v1.35.1, wanted is v1.36.3",
        "c": "it is cordoned",
        "missing": "there is no node of that name",
        "stranger": "a node that no machine of the facts is",
    }


def agents(ready: int, image: str) -> dict[str, Any]:
    containers = [{"image": image}]
    return {
        "spec": {"template": {"spec": {"containers": containers}}},
        "status": {"desiredNumberScheduled": 5, "numberReady": ready},
    }


def test_cilium_is_judged_by_its_pods_and_its_version() -> None:
    image = "quay.io/cilium/cilium:v1.20.2@sha256:abc"
    assert workload_row("agent", "1.20.2", agents(5, image)).verdict is Verdict.WELL
    old = workload_row("agent", "1.20.2", agents(4, "quay.io:443/cilium/cilium:v1.19.0"))
    assert old.why == "4 of 5 pods are ready; its image is v1.19.0, wanted is v1.20.2"
    assert "no deployments/cilium-operator" in workload_row("operator", "1.20.2", None).why
    assert image_tag(agents(1, "quay.io:443/cilium/cilium")) == ""


def test_flux_is_told_with_the_tree_of_the_programs_own_watch() -> None:
    section = flux.judged(
        world_of(
            instance(),
            repository(),
            kustomization(SYSTEM),
            failed("bad", "BuildFailed", "kustomize build failed: no"),
            waiting("behind", "bad"),
        )
    )
    assert section.summary == "1 of 3 Kustomizations are Ready"
    assert set(wrong(section)) == {f"Kustomization/{SYSTEM}/{name}" for name in ("bad", "behind")}
    assert section.lines[0].startswith(f"1. Kustomization/{SYSTEM}/bad")


def test_flux_that_is_as_git_says_is_well_with_every_object_in_a_row() -> None:
    section = flux.judged(world_of(instance(), repository(), kustomization(SYSTEM)))
    assert section.verdict is Verdict.WELL
    assert section.lines == ()
    assert [row.actual["ready"] for row in section.rows] == ["True"] * 3


def test_what_somebody_has_suspended_is_a_note_and_what_a_destroy_has_is_wrong() -> None:
    asleep = kustomization("apps", suspend=True)
    world = instance(), repository(), kustomization(SYSTEM), asleep
    assert flux.judged(world_of(*world)).verdict is Verdict.NOTE
    asleep["metadata"]["annotations"] = {"hearth/suspended-by": "a destroy of the stack"}
    assert wrong(flux.judged(world_of(*world))) == {
        f"Kustomization/{SYSTEM}/apps": "it is suspended: a destroy of the stack"
    }


def test_an_older_revision_and_a_missing_instance_are_wrong() -> None:
    late = kustomization("apps")
    late["status"]["lastAppliedRevision"] = "refs/heads/main@sha1:older"
    assert wrong(flux.judged(world_of(instance(), repository(), late)))
    assert wrong(flux.judged(world_of())) == {"flux": "there is no FluxInstance"}


def test_names_are_compared_and_what_they_are_not_is_a_note() -> None:
    known = {"ns1.example.org": ["192.0.2.1"], "www.example.org": ["192.0.2.9"], "gone.example": []}
    names = {"ns1.example.org": "192.0.2.1", "www.example.org": "", "gone.example": "192.0.2.2"}
    section = dns.judged(names, lambda name: known[name])
    assert [row.verdict for row in section.rows] == [Verdict.WELL, Verdict.WELL, Verdict.NOTE]
    assert "nothing, wanted is 192.0.2.2" in section.rows[2].why


def test_a_resolver_that_does_not_answer_is_a_note() -> None:
    def broken(_name: str) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    (row,) = dns.judged({"ns1.example.org": "192.0.2.1"}, broken).rows
    assert row.verdict is Verdict.NOTE
    assert "Temporary failure" in row.why


def secret(value: Any) -> dict[str, str]:
    return {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(value)}


def test_credentials_come_from_the_state_and_show_in_no_repr() -> None:
    client = {"caCertificate": "ca", "clientCertificate": "crt", "clientKey": "canary-key"}
    resources = [
        {"type": SECRETS, "id": "x", "outputs": {"clientConfiguration": secret(client)}},
        {"type": KUBECONFIG, "id": "x", "outputs": {"kubeconfigRaw": secret("canary-config")}},
        {"type": SCHEMATIC, "id": "abc", "outputs": {}},
    ]
    found = access({"deployment": {"resources": resources}})
    assert (found.cluster(), found.machines().key, found.schematic) == (
        "canary-config",
        "canary-key",
        "abc",
    )
    assert "canary" not in f"{found!r}{found.machines()!r}"


def test_a_state_without_a_cluster_says_what_makes_one() -> None:
    found = access({"deployment": {}})
    with pytest.raises(VerbError, match="pulumi up"):
        found.cluster()
    with pytest.raises(VerbError, match="pulumi up"):
        found.machines()


def test_an_address_of_the_second_family_stands_in_brackets() -> None:
    assert (bracketed("10.0.1.1"), bracketed("fd00::1")) == ("10.0.1.1", "[fd00::1]")
