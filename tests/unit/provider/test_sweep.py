"""The volume sweep: only its delete acts, only on what is ours, and it never guesses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.rpc import Refused
from provider.sweep import VolumeSweep
from tests.unit.provider.https_server import Answer, Request
from tests.unit.provider.proxmox_api import GIB, SECRET, ProxmoxApi, proxmox_api
from tests.unit.provider.spoken import listening

pytestmark = [
    pytest.mark.unit,
    pytest.mark.timeout(10),
    # The server's certificate is its own; not to look at it is what `insecure` asks for.
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]

FIRST = "local-zfs:vm-9999-pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000001"
SECOND = "local-zfs:vm-9999-pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000002"
FOREIGN = {"local-zfs:vm-101-disk-0": GIB, "local-zfs:vm-9999-disk-0": GIB}
STATE: dict[str, Any] = {
    "datastore": "local-zfs",
    "hosts": ["atlas"],
    "region": "home",
    "shared": False,
    "dataOnDestroy": "sweep",
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ProxmoxApi]:
    with proxmox_api(tmp_path) as running:
        running.volumes = {FIRST: 10 * GIB, SECOND: GIB // 2, **FOREIGN}
        yield running


def sweep(api: ProxmoxApi) -> VolumeSweep:
    made = VolumeSweep()
    made.credentials = api.credentials
    return made


def test_create_and_update_ask_nobody(api: ProxmoxApi) -> None:
    assert sweep(api).create(STATE, False, 0.0) == ("local-zfs", STATE)
    assert sweep(api).create(STATE, True, 0.0) == ("", STATE)
    assert sweep(api).update("local-zfs", {}, STATE, False, 0.0) == STATE
    assert api.server.requests == []


def test_a_delete_frees_what_the_driver_made_and_nothing_else(api: ProxmoxApi) -> None:
    with listening() as spoken:
        sweep(api).delete("local-zfs", STATE, 0.0)
    assert api.volumes == FOREIGN
    (said,) = spoken.infos
    assert f"{FIRST} (10.0 GiB)" in said
    assert f"{SECOND} (0.5 GiB)" in said


def test_names_and_sizes_are_told_before_the_first_volume_goes(api: ProxmoxApi) -> None:
    api.fault = lambda request: (500, {}) if request.method == "DELETE" else None
    with listening() as spoken, pytest.raises(Refused):
        sweep(api).delete("local-zfs", STATE, 0.0)
    assert FIRST in spoken.infos[0]
    assert SECOND in spoken.infos[0]


def test_volumes_that_are_kept_are_listed(api: ProxmoxApi) -> None:
    with listening() as spoken:
        sweep(api).delete("local-zfs", {**STATE, "dataOnDestroy": "keep"}, 0.0)
    assert FIRST in spoken.warnings[0]
    assert "kept" in spoken.warnings[0]
    assert api.server.asked("DELETE") == []


def test_on_a_shared_datastore_the_sweep_only_lists(api: ProxmoxApi) -> None:
    with listening() as spoken:
        sweep(api).delete("local-zfs", {**STATE, "shared": True}, 0.0)
    assert FIRST in spoken.warnings[0]
    assert "another cluster's" in spoken.warnings[0]
    assert api.server.asked("DELETE") == []


def test_a_datastore_without_volumes_is_nothing_to_speak_of(api: ProxmoxApi) -> None:
    api.volumes = dict(FOREIGN)
    with listening() as spoken:
        sweep(api).delete("local-zfs", STATE, 0.0)
    assert spoken.everything == ""


def test_another_region_is_refused_for_good(api: ProxmoxApi) -> None:
    api.volumes = {}
    with pytest.raises(Refused, match="the region was home and is to be work"):
        sweep(api).update("local-zfs", STATE, {**STATE, "region": "work"}, True, 0.0)


def test_a_state_from_before_regions_were_kept_takes_the_first_one(api: ProxmoxApi) -> None:
    before = {key: value for key, value in STATE.items() if key != "region"}
    assert sweep(api).update("local-zfs", before, STATE, False, 0.0) == STATE


@pytest.mark.parametrize("preview", [True, False])
def test_a_datastore_with_the_clusters_volumes_is_not_given_up(
    api: ProxmoxApi, preview: bool
) -> None:
    with pytest.raises(Refused) as refused:
        sweep(api).update("x", STATE, {**STATE, "datastore": "other"}, preview, 0.0)
    assert "local-zfs on atlas is to be given up" in str(refused.value)
    assert f"{FIRST} (10.0 GiB)" in str(refused.value)


def test_a_datastore_without_volumes_is_given_up_freely(api: ProxmoxApi) -> None:
    api.volumes = dict(FOREIGN)
    moved = {**STATE, "datastore": "other"}
    assert sweep(api).update("x", STATE, moved, False, 0.0) == moved


def test_on_a_shared_datastore_volumes_left_behind_are_told(api: ProxmoxApi) -> None:
    moved = {**STATE, "datastore": "other"}
    with listening() as spoken:
        assert sweep(api).update("x", {**STATE, "shared": True}, moved, False, 0.0) == moved
    assert FIRST in spoken.warnings[0]


def test_a_host_with_the_clusters_volumes_is_not_given_up(api: ProxmoxApi) -> None:
    api.online["titan"] = "online"
    api.places = {FIRST: "titan", SECOND: "atlas"}
    before = {**STATE, "hosts": ["atlas", "titan"]}
    with pytest.raises(Refused) as refused:
        sweep(api).update("local-zfs", before, STATE, False, 0.0)
    assert "local-zfs on titan is to be given up" in str(refused.value)
    assert FIRST in str(refused.value)
    assert SECOND not in str(refused.value)


def test_a_host_is_given_up_when_the_others_see_the_same_volumes(api: ProxmoxApi) -> None:
    api.online["titan"] = "online"
    before = {**STATE, "hosts": ["atlas", "titan"]}
    assert sweep(api).update("local-zfs", before, STATE, False, 0.0) == STATE


def test_a_host_that_left_the_proxmox_cluster_is_not_asked(api: ProxmoxApi) -> None:
    before = {**STATE, "hosts": ["atlas", "titan"]}
    assert sweep(api).update("local-zfs", before, STATE, False, 0.0) == STATE
    assert not any("/nodes/titan/" in path for path in api.server.asked("GET"))


def test_could_not_ask_what_would_be_left_behind_is_an_error(api: ProxmoxApi) -> None:
    api.fault = lambda request: (500, {}) if "/content" in request.path else None
    with pytest.raises(Refused, match="listing the volumes of local-zfs on atlas"):
        sweep(api).update("x", STATE, {**STATE, "datastore": "other"}, False, 0.0)


def test_a_volume_seen_from_two_hosts_is_freed_once(api: ProxmoxApi) -> None:
    sweep(api).delete("local-zfs", {**STATE, "hosts": ["atlas", "titan"]}, 0.0)
    assert len(api.server.asked("DELETE")) == 2


@pytest.mark.parametrize("mode", ["sweep", "keep"])
@pytest.mark.parametrize("status", [403, 500])
def test_could_not_ask_is_an_error_and_not_none(api: ProxmoxApi, mode: str, status: int) -> None:
    api.fault = lambda request: (status, {}) if "/content" in request.path else None
    with pytest.raises(Refused, match=r"listing the volumes of local-zfs on atlas.*answered"):
        sweep(api).delete("local-zfs", {**STATE, "dataOnDestroy": mode}, 0.0)
    assert len(api.volumes) == 4


@pytest.mark.parametrize("mode", ["sweep", "keep"])
def test_was_not_shown_is_an_error_and_not_none(api: ProxmoxApi, mode: str) -> None:
    # What a token may not touch, Proxmox VE leaves out of the listing without a word.
    api.rights["/storage/local-zfs"] = {"Datastore.Audit": 1, "Datastore.AllocateSpace": 1}
    api.volumes = {}
    with pytest.raises(Refused, match=r"lacks Datastore\.Allocate on /storage/local-zfs"):
        sweep(api).delete("local-zfs", {**STATE, "dataOnDestroy": mode}, 0.0)


def test_rights_that_cannot_be_asked_for_are_an_error(api: ProxmoxApi) -> None:
    api.fault = lambda request: (500, {}) if "permissions" in request.path else None
    with pytest.raises(Refused, match="listing the volumes of local-zfs"):
        sweep(api).delete("local-zfs", STATE, 0.0)


def test_a_host_that_is_gone_is_an_error(api: ProxmoxApi) -> None:
    def second_host_fails(request: Request) -> Answer | None:
        return (595, "no route to host") if "/nodes/titan/" in request.path else None

    api.fault = second_host_fails
    with pytest.raises(Refused, match="on titan"):
        sweep(api).delete("local-zfs", {**STATE, "hosts": ["atlas", "titan"]}, 0.0)
    assert api.server.asked("DELETE") == []


def test_a_volume_that_somebody_holds_is_named_with_the_hosts_own_words(api: ProxmoxApi) -> None:
    held: Answer = (500, {"message": "dataset is busy"})
    api.fault = lambda request: held if request.method == "DELETE" else None
    with pytest.raises(Refused, match=f"freeing {FIRST}: Proxmox VE answered 500"):
        sweep(api).delete("local-zfs", STATE, 0.0)


def test_a_deletion_that_fails_in_its_task_is_no_success(api: ProxmoxApi) -> None:
    api.ends = ["running", "zfs error: cannot destroy: dataset is busy"]
    with pytest.raises(Refused, match=f"freeing {FIRST}: .*dataset is busy"):
        sweep(api).delete("local-zfs", STATE, 0.0)


def test_a_deletion_is_awaited_to_its_end(api: ProxmoxApi) -> None:
    api.ends = ["running", "running", "OK"]
    sweep(api).delete("local-zfs", STATE, 0.0)
    asked = [path for path in api.server.asked("GET") if "/tasks/" in path]
    assert len(asked) == 4  # three states of the first task, one of the second


def test_a_task_that_ended_with_warnings_has_done_its_work(api: ProxmoxApi) -> None:
    api.ends = ["WARNINGS: 1"]
    sweep(api).delete("local-zfs", STATE, 0.0)
    assert api.volumes == FOREIGN


def test_a_sweep_that_was_interrupted_frees_the_rest(api: ProxmoxApi) -> None:
    failing: Iterator[Answer | None] = iter([None, (500, {})])
    api.fault = lambda request: next(failing, None) if request.method == "DELETE" else None
    with pytest.raises(Refused):
        sweep(api).delete("local-zfs", STATE, 0.0)
    assert SECOND in api.volumes
    sweep(api).delete("local-zfs", STATE, 0.0)
    assert api.volumes == FOREIGN


def test_without_credentials_nothing_is_guessed(api: ProxmoxApi) -> None:
    with pytest.raises(Refused, match="no Proxmox credentials"):
        VolumeSweep().delete("local-zfs", STATE, 0.0)
    assert api.server.requests == []


def test_the_token_is_in_no_message(api: ProxmoxApi) -> None:
    with listening() as spoken:
        sweep(api).delete("local-zfs", STATE, 0.0)
    assert SECRET not in spoken.everything


def test_every_input_has_to_be_said() -> None:
    _, failures = VolumeSweep().check({}, {})
    assert {failure.property for failure in failures} == set(STATE)
