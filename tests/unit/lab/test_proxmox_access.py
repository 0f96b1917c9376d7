"""The rules of Proxmox VE's access control, as pure state."""

import pytest

from lab.proxmox.state.access import (
    AccessControl,
    AccessError,
    Token,
    User,
    is_valid_path,
    normalize_path,
)
from lab.proxmox.state.privileges import SPECIAL_ROLES, VALID

pytestmark = pytest.mark.unit

POOLS = {"cluster": ["/vms/101", "/storage/local-zfs"]}


def control() -> AccessControl:
    made = AccessControl(groups={"ops": None})
    made.users = {
        "root@pam": User(),
        "ann@pve": User(groups=["ops"], tokens={"full": Token(privsep=0), "cut": Token()}),
    }
    made.roles = {"disks": ["VM.Config.Disk"]}
    return made


def test_the_built_in_roles_are_those_of_proxmox_9() -> None:
    assert len(VALID) == 47
    assert SPECIAL_ROLES["Administrator"] == VALID
    assert "Mapping.Modify" not in SPECIAL_ROLES["PVEAdmin"]
    assert SPECIAL_ROLES["PVEDatastoreUser"] == {"Datastore.AllocateSpace", "Datastore.Audit"}
    assert not any("VM.Monitor" in held for held in SPECIAL_ROLES.values())


def test_a_deeper_entry_overrides_a_higher_one() -> None:
    made = control()
    made.acl = {
        "/vms": {"users": {"ann@pve": {"PVEVMAdmin": 1}}},
        "/vms/101": {"users": {"ann@pve": {"disks": 1}}},
    }
    assert made.privileges("ann@pve", "/vms/101", {}) == {"VM.Config.Disk": 1}
    assert "VM.Allocate" in made.privileges("ann@pve", "/vms/102", {})


def test_a_users_own_entry_beats_their_groups() -> None:
    made = control()
    made.acl = {
        "/": {"groups": {"ops": {"Administrator": 1}}, "users": {"ann@pve": {"PVEAuditor": 1}}}
    }
    assert "Sys.Modify" not in made.privileges("ann@pve", "/", {})


def test_no_access_beats_everything_below_it() -> None:
    made = control()
    made.acl = {"/vms": {"users": {"ann@pve": {"NoAccess": 1, "PVEVMAdmin": 1}}}}
    assert made.privileges("ann@pve", "/vms/101", {}) == {}


def test_a_pool_gives_its_members_what_is_granted_on_it() -> None:
    made = control()
    made.acl = {"/pool/cluster": {"users": {"ann@pve": {"disks": 1}}}}
    assert made.privileges("ann@pve", "/vms/101", POOLS) == {"VM.Config.Disk": 0}
    assert made.privileges("ann@pve", "/vms/102", POOLS) == {}
    assert "/storage/local-zfs" in made.effective("ann@pve", POOLS)


def test_a_separated_token_has_what_both_it_and_its_user_have() -> None:
    made = control()
    made.acl = {
        "/vms": {"users": {"ann@pve": {"PVEVMUser": 1}}},
        "/vms/101": {"tokens": {"ann@pve!cut": {"PVEVMAdmin": 1}}},
    }
    cut = made.privileges("ann@pve!cut", "/vms/101", {})
    assert cut == made.privileges("ann@pve", "/vms/101", {})
    assert made.privileges("ann@pve!cut", "/vms/102", {}) == {}
    assert made.privileges("ann@pve!full", "/vms/102", {}) == cut


def test_a_removed_user_leaves_no_entry_password_or_secret() -> None:
    made = control()
    made.set_password("ann@pve", "sesame")
    made.secrets["ann@pve!cut"] = "value"
    made.acl = {"/": {"tokens": {"ann@pve!cut": {"disks": 1}}, "users": {"ann@pve": {"disks": 1}}}}
    made.forget_user("ann@pve")
    assert (made.acl, made.passwords, made.secrets, list(made.users)) == ({}, {}, {}, ["root@pam"])


def test_passwords_are_checked_but_not_kept() -> None:
    made = control()
    made.set_password("ann@pve", "sesame")
    assert made.check_password("ann@pve", "sesame")
    assert not made.check_password("ann@pve", "Sesame")
    assert not made.check_password("root@pam", "")
    assert "sesame" not in str(made)


def test_an_expired_token_does_not_log_in() -> None:
    made = control()
    made.users["ann@pve"].tokens["cut"].expire = 100
    made.secrets["ann@pve!cut"] = "value"
    assert made.check_token("ann@pve!cut", "value", now=99)
    assert not made.check_token("ann@pve!cut", "value", now=101)
    assert not made.check_token("ann@pve!cut", "other", now=99)


@pytest.mark.parametrize(
    ("path", "clean"),
    [("/", "/"), ("vms/101/", "/vms/101"), ("//storage//a", "/storage/a"), ("/a b", None)],
)
def test_paths_are_normalised_as_proxmox_does(path: str, clean: str | None) -> None:
    assert normalize_path(path) == clean


@pytest.mark.parametrize("path", ["/", "/vms/101", "/pool/a", "/storage/local-zfs", "/nodes/atlas"])
def test_paths_that_can_carry_entries(path: str) -> None:
    assert is_valid_path(path)


@pytest.mark.parametrize("path", ["/vms/12", "/vms/abc", "/cluster", "/storage/a/b"])
def test_paths_that_cannot_carry_entries(path: str) -> None:
    assert not is_valid_path(path)


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(AccessError, match=r"no such token 'x' for user 'ann@pve'"):
        control().token("ann@pve", "x")
    with pytest.raises(AccessError, match="role 'nothing' does not exist"):
        control().role("nothing")
