"""Preflight against a real HTTPS server: every problem at once, each with what to do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.preflight import MACHINE_PRIVILEGES, Preflight
from provider.proxmox import Credentials, allowed
from provider.rpc import UNKNOWN, Refused
from tests.unit.provider.proxmox_api import GIB, SECRET, ProxmoxApi, proxmox_api
from tests.unit.provider.spoken import listening

pytestmark = [
    pytest.mark.unit,
    pytest.mark.timeout(10),
    # The server's certificate is its own; not to look at it is what `insecure` asks for.
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]


def machine(number: int, name: str, **changed: Any) -> dict[str, Any]:
    """A machine whose address is one of this computer's own, where no Talos answers."""
    disk = {"interface": "scsi0", "sizeGib": 40}
    shape = {"cores": 4, "memoryMib": 8192, "disk": disk}
    return {"id": number, "name": name, "host": "atlas", "address": "127.0.9.1"} | shape | changed


INPUTS: dict[str, Any] = {
    "hosts": [{"name": "atlas", "bridge": "vmbr0"}],
    "imageDatastore": "local",
    "machineDatastore": "local-zfs",
    "volumeDatastore": "local-zfs",
    "freesVolumes": True,
    "pool": "test-cluster",
    "machines": [machine(1011, "cp1"), machine(1021, "worker1")],
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ProxmoxApi]:
    with proxmox_api(tmp_path) as running:
        yield running


def preflight(credentials: Credentials | None) -> Preflight:
    made = Preflight()
    made.credentials = credentials
    return made


def refusal(api: ProxmoxApi, **changed: Any) -> str:
    with pytest.raises(Refused) as refused:
        preflight(api.credentials).create({**INPUTS, **changed}, False, 0.0)
    return str(refused.value)


def problems(api: ProxmoxApi, **changed: Any) -> list[str]:
    head, *lines = refusal(api, **changed).splitlines()
    assert head == "Proxmox VE is not ready for this stack:"
    return lines


def test_a_host_that_has_everything_passes(api: ProxmoxApi) -> None:
    identity, outputs = preflight(api.credentials).create(INPUTS, False, 0.0)
    assert identity == "passed"
    assert outputs == INPUTS


def test_preflight_only_reads(api: ProxmoxApi) -> None:
    preflight(api.credentials).create(INPUTS, False, 0.0)
    assert {request.method for request in api.server.requests} == {"GET"}


def test_volumes_on_a_datastore_that_becomes_the_stacks_own_are_told(api: ProxmoxApi) -> None:
    volume = "local-zfs:vm-9999-pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000001"
    api.volumes = {volume: 5 * GIB, "local-zfs:vm-101-disk-0": GIB}
    shared = {**INPUTS, "freesVolumes": False}
    with listening() as spoken:
        preflight(api.credentials).create(INPUTS, False, 0.0)
        preflight(api.credentials).update("passed", shared, INPUTS, False, 0.0)
    assert len(spoken.warnings) == 2
    for said in spoken.warnings:
        assert f"{volume} (5.0 GiB)" in said
        assert "vm-101" not in said


def test_volumes_that_were_the_stacks_to_free_before_are_no_news(api: ProxmoxApi) -> None:
    api.volumes = {"local-zfs:vm-9999-pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000001": GIB}
    with listening() as spoken:
        preflight(api.credentials).update("passed", INPUTS, INPUTS, False, 0.0)
        preflight(api.credentials).create({**INPUTS, "freesVolumes": False}, False, 0.0)
    assert spoken.everything == ""


def test_a_preview_asks_nobody_and_knows_its_outputs(api: ProxmoxApi) -> None:
    assert preflight(api.credentials).create(INPUTS, True, 0.0) == ("", INPUTS)
    changed = {**INPUTS, "pool": UNKNOWN}
    assert preflight(api.credentials).update("passed", INPUTS, changed, True, 0.0) == changed
    assert api.server.requests == []


def test_an_update_checks_again(api: ProxmoxApi) -> None:
    api.online = {}
    with pytest.raises(Refused, match="host atlas"):
        preflight(api.credentials).update("passed", INPUTS, INPUTS, False, 0.0)


def test_a_delete_asks_nobody(api: ProxmoxApi) -> None:
    preflight(None).delete("passed", INPUTS, 0.0)
    assert api.server.requests == []


def test_all_problems_are_told_at_once(api: ProxmoxApi) -> None:
    api.bridges = {"atlas": ["vmbr1"]}
    api.stores = [{"storage": "local", "active": 1, "content": "iso"}]
    api.rights = {}
    found = "\n".join(problems(api, hosts=[*INPUTS["hosts"], {"name": "titan", "bridge": "b"}]))
    assert "host titan is unknown; known hosts: atlas" in found
    assert "no bridge vmbr0" in found
    assert "vmbr1" in found
    assert "does not take content type 'import': pvesm set local --content import,iso" in found
    assert "no datastore local-zfs" in found
    assert "the token lacks VM.Allocate" in found
    assert "SDN.Use on /sdn/zones/localnetwork/vmbr0" in found


def test_a_missing_datastore_is_told_once_however_much_was_to_go_there(api: ProxmoxApi) -> None:
    told = problems(api, imageDatastore="tank", machineDatastore="tank", volumeDatastore="tank")
    missing = [line for line in told if "no datastore" in line]
    (line,) = missing
    assert line.startswith("  host atlas has no datastore tank, or none that the token may see")


def test_a_datastore_that_is_missing_is_told_apart_from_one_that_is_hidden(api: ProxmoxApi) -> None:
    api.stores.pop(0)
    assert problems(api) == ["  host atlas has no datastore local; it has: local-zfs"]
    del api.rights["/storage/local"]
    assert "no datastore local, or none that the token may see; it has" in problems(api)[0]


def test_a_host_that_is_off_is_not_asked_for_details(api: ProxmoxApi) -> None:
    api.online = {"atlas": "offline"}
    assert problems(api) == ["  host atlas is offline; known hosts: atlas"]


def test_a_datastore_that_is_off_is_named(api: ProxmoxApi) -> None:
    api.stores[1]["active"] = 0
    assert problems(api) == ["  datastore local-zfs on atlas is not active"]


def test_one_datastore_for_machines_and_volumes_is_told_once(api: ProxmoxApi) -> None:
    api.stores[1]["content"] = "rootdir"
    assert problems(api) == [
        (
            "  datastore local-zfs on atlas does not take content type 'images': "
            "pvesm set local-zfs --content images,rootdir"
        )
    ]


def test_a_stack_without_volumes_needs_no_datastore_for_them(api: ProxmoxApi) -> None:
    without = {**INPUTS, "volumeDatastore": None}
    assert preflight(api.credentials).create(without, False, 0.0)[0] == "passed"


def test_rights_on_the_machines_themselves_will_do_instead_of_the_pool(api: ProxmoxApi) -> None:
    api.rights["/vms"] = api.rights.pop("/pool/test-cluster")
    assert preflight(api.credentials).create(INPUTS, False, 0.0)[0] == "passed"


def test_rights_on_one_machine_do_not_hold_on_another(api: ProxmoxApi) -> None:
    api.rights["/vms/1011"] = api.rights.pop("/pool/test-cluster")
    (line,) = problems(api)
    assert "on /vms/1021 (or on /pool/test-cluster)" in line


def test_a_token_that_could_free_no_volume_is_told_before_there_are_any(api: ProxmoxApi) -> None:
    del api.rights["/storage/local-zfs"]["Datastore.Allocate"]
    assert problems(api) == [
        "  the token lacks Datastore.Allocate on /storage/local-zfs: a destroy could free no volume"
    ]


def test_a_token_that_would_not_be_shown_every_volume_is_told_too(api: ProxmoxApi) -> None:
    del api.rights["/storage/local-zfs"]["Datastore.Allocate"]
    (line,) = problems(api, freesVolumes=False)
    assert "could not tell which volumes are left" in line


def test_where_volumes_are_only_listed_seeing_them_is_enough(api: ProxmoxApi) -> None:
    del api.rights["/storage/local-zfs"]["Datastore.Allocate"]
    api.rights["/vms"] = api.rights["/pool/test-cluster"]
    given = {**INPUTS, "freesVolumes": False}
    assert preflight(api.credentials).create(given, False, 0.0)[0] == "passed"


def test_only_the_missing_privileges_are_named(api: ProxmoxApi) -> None:
    del api.rights["/storage/local"]["Datastore.AllocateTemplate"]
    assert problems(api) == ["  the token lacks Datastore.AllocateTemplate on /storage/local"]


def test_a_wrong_token_is_said_to_be_wrong_and_never_shown(api: ProxmoxApi) -> None:
    wrong = Credentials(endpoint=api.server.url, token="infra@pve!up=another-secret", insecure=True)
    with pytest.raises(Refused) as refused:
        preflight(wrong).create(INPUTS, False, 0.0)
    assert "does not accept the token" in str(refused.value)
    assert "another-secret" not in str(refused.value)


@pytest.mark.parametrize("status", [403, 500, 596])
def test_an_answer_that_is_a_refusal_is_told_with_its_status(api: ProxmoxApi, status: int) -> None:
    api.fault = lambda request: (status, {}) if "permissions" in request.path else None
    message = refusal(api)
    assert f"Proxmox VE answered {status}" in message
    assert SECRET not in message


def test_an_api_that_is_not_there_could_not_be_asked() -> None:
    gone = Credentials(endpoint="https://127.0.0.1:1", token=f"a@pve!b={SECRET}", insecure=True)
    with pytest.raises(Refused, match="could not be asked") as refused:
        preflight(gone).create(INPUTS, False, 0.0)
    assert SECRET not in str(refused.value)


def test_a_certificate_that_nobody_trusts_is_refused(api: ProxmoxApi) -> None:
    strict = Credentials(endpoint=api.server.url, token=api.credentials.token)
    with pytest.raises(Refused, match="could not be asked"):
        preflight(strict).create(INPUTS, False, 0.0)
    assert api.server.requests == []


@pytest.mark.parametrize("token", ["", "a@pve", "a@pve!b", f"={SECRET}", f"a@pve={SECRET}"])
def test_what_is_no_token_is_refused_without_being_quoted(api: ProxmoxApi, token: str) -> None:
    bad = Credentials(endpoint=api.server.url, token=token, insecure=True)
    with pytest.raises(Refused, match="user@realm!name=secret") as refused:
        preflight(bad).create(INPUTS, False, 0.0)
    assert SECRET not in str(refused.value)


def test_an_endpoint_without_a_host_is_refused() -> None:
    with pytest.raises(Refused, match="names no host"):
        preflight(Credentials(endpoint="atlas", token="a@b!c=d")).create(INPUTS, False, 0.0)


def test_without_credentials_the_key_is_named() -> None:
    with pytest.raises(Refused, match="hearth:proxmoxToken"):
        preflight(None).create(INPUTS, False, 0.0)


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        ({"/vms/101": {"VM.Audit": 0}}, True),  # on the path itself, propagating or not
        ({"/vms": {"VM.Audit": 1}}, True),
        ({"/vms": {"VM.Audit": 0}}, False),  # ends at /vms
        ({"/": {"VM.Audit": 1}}, True),
        ({"/": {"VM.Audit": 1}, "/vms": {"VM.Console": 1}}, False),  # the nearer entry counts
        ({"/vms/1010": {"VM.Audit": 1}}, False),  # a longer number is another machine
        ({"/storage": {"VM.Audit": 1}}, False),
        ({}, False),
    ],
)
def test_a_privilege_holds_where_proxmox_says_so(
    rights: dict[str, dict[str, int]], expected: bool
) -> None:
    assert allowed(rights, "/vms/101", "VM.Audit") is expected


def test_every_privilege_is_spelt_as_proxmox_spells_it() -> None:
    assert list(MACHINE_PRIVILEGES) == sorted(set(MACHINE_PRIVILEGES))
    assert "VM.Monitor" not in MACHINE_PRIVILEGES  # gone in Proxmox VE 9
