"""What is seen of a cut-off create, and what follows: ours and whole, ours and not, another's."""

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest

from ops.recover.findings import Finding, Verdict
from ops.recover.kubernetes import object_finding, record_of, release_finding
from ops.recover.proxmox import another, by_comment, half_made, size_gib

pytestmark = pytest.mark.unit

WANTED: dict[str, Any] = {
    "name": "cp1",
    "description": "Talos machine of the cluster home",
    "started": True,
    "disks": [{"interface": "scsi0", "size": 40}],
    "initialization": {"interface": "ide2"},
}
WHOLE = {
    "name": "cp1",
    "description": "Talos machine of the cluster home\n",
    "scsi0": "local-zfs:vm-101-disk-0,discard=on,size=40G",
    "ide2": "local-zfs:vm-101-cloudinit,media=cdrom",
}
CHART = {"chart": "oci://example.org/charts/cilium", "name": "cilium"}


def verdict(finding: Finding | None) -> Verdict:
    assert finding is not None
    return finding.verdict


def test_a_vm_that_runs_with_all_it_was_asked_for_is_whole() -> None:
    assert half_made(WHOLE, "running", WANTED) is None


@pytest.mark.parametrize(
    ("change", "status", "lacks"),
    [
        ({"lock": "clone"}, "stopped", r"locked \(clone\)"),
        ({"scsi0": None}, "stopped", "no disk at scsi0"),
        ({"scsi0": "local-zfs:vm-101-disk-0,size=1276M"}, "stopped", "not grown to 40 GiB"),
        ({"ide2": None}, "stopped", "no cloud-init drive at ide2"),
        ({}, "stopped", "never started"),
    ],
)
def test_a_vm_that_lacks_something_is_half_made_and_says_what(
    change: dict[str, Any], status: str, lacks: str
) -> None:
    config = {key: item for key, item in {**WHOLE, **change}.items() if item is not None}
    with pytest.raises(AssertionError, match=lacks):
        raise AssertionError(half_made(config, status, WANTED))


def test_a_vm_that_was_not_to_start_is_whole_without() -> None:
    assert half_made(WHOLE, "stopped", {**WANTED, "started": False}) is None


@pytest.mark.parametrize(
    ("drive", "size"),
    [("a:b,size=40G", 40), ("a:b,size=512M,ssd=1", 0.5), ("a:b,size=1T", 1024), ("a:b", 0)],
)
def test_a_drives_size_is_read_in_its_own_unit(drive: str, size: float) -> None:
    assert size_gib(drive) == size


def test_a_vm_under_our_number_with_another_name_or_description_is_not_ours() -> None:
    assert another(WHOLE, WANTED) is None
    assert "its name is 'mail'" in str(another({**WHOLE, "name": "mail"}, WANTED))
    assert "its description is ''" in str(another({"name": "cp1"}, WANTED))


def test_a_pool_is_ours_by_its_comment() -> None:
    wanted = {"comment": "Machines of the cluster home"}
    assert verdict(by_comment("pool home", "home", None, wanted)) is Verdict.CLEARED
    assert verdict(by_comment("pool home", "home", {"comment": "mine"}, wanted)) is Verdict.LEFT
    ours = by_comment("pool home", "home", wanted, wanted)
    assert (ours.verdict, ours.identity) == (Verdict.ADOPTED, "home")


def thing(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "metadata": {"name": "key", "namespace": "ns", **metadata}}


def test_an_object_that_a_stack_made_is_adopted_with_its_field_manager() -> None:
    managers = [{"manager": "kubelet"}, {"manager": "pulumi-kubernetes-1a2b"}]
    found = object_finding("Secret", thing(managedFields=managers))
    assert (found.verdict, found.identity) == (Verdict.ADOPTED, "ns/key")
    assert found.outputs == {
        "__fieldManager": "pulumi-kubernetes-1a2b",
        "__initialApiVersion": "v1",
    }


def test_an_object_of_the_whole_cluster_has_no_namespace_in_its_identity() -> None:
    found = object_finding(
        "Namespace",
        {"metadata": {"name": "ns", "managedFields": [{"manager": "pulumi-kubernetes"}]}},
    )
    assert found.identity == "ns"


def test_an_object_that_somebody_else_made_is_left_and_its_maker_named() -> None:
    found = object_finding("Secret", thing(managedFields=[{"manager": "kubectl-create"}]))
    assert found.verdict is Verdict.LEFT
    assert "made by kubectl-create" in found.seen


def test_an_object_on_its_way_out_is_left_until_it_is_gone() -> None:
    managers = [{"manager": "pulumi-kubernetes"}]
    found = object_finding("Secret", thing(deletionTimestamp="x", managedFields=managers))
    assert found.verdict is Verdict.LEFT


def test_an_object_that_is_not_there_is_cleared() -> None:
    assert object_finding("Secret", None).verdict is Verdict.CLEARED


def record(status: str, revision: int = 1, chart: str = "cilium") -> dict[str, Any]:
    return {"secret": f"v{revision}", "revision": revision, "status": status, "chart": chart}


def test_a_release_without_records_is_cleared_and_a_deployed_one_adopted() -> None:
    assert verdict(release_finding("a/cilium", [], CHART)) is Verdict.CLEARED
    found = release_finding("a/cilium", [record("deployed")], CHART)
    assert verdict(found) is Verdict.ADOPTED


@pytest.mark.parametrize("status", ["pending-install", "failed", "uninstalling"])
def test_a_release_that_never_was_deployed_loses_its_records(status: str) -> None:
    assert release_finding("a/cilium", [record(status)], CHART) is None


def test_a_release_that_was_deployed_before_is_left_to_a_person() -> None:
    records = [record("superseded"), record("pending-upgrade", 2)]
    assert verdict(release_finding("a/cilium", records, CHART)) is Verdict.LEFT


def test_a_release_of_another_chart_is_not_ours() -> None:
    found = release_finding("a/cilium", [record("failed", chart="calico")], CHART)
    assert verdict(found) is Verdict.LEFT


def test_helms_own_record_is_read_as_helm_packs_it() -> None:
    release = {
        "version": 3,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "cilium"}},
    }
    packed = b64encode(b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    secret = {"metadata": {"name": "sh.helm.release.v1.cilium.v3"}, "data": {"release": packed}}
    assert record_of(secret) == {
        "secret": "sh.helm.release.v1.cilium.v3",
        "revision": 3,
        "status": "deployed",
        "chart": "cilium",
    }
