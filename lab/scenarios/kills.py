"""kill-STEP: the engine killed with SIGKILL in the middle of a create, then recovered.

Each starts from nothing made. Every one asserts that the blow fell in the middle, that `recover`
ends well, that the next `up` does too, that a preview is empty then, and that etcd was founded
once.
"""

from typing import Any

from lab.scenarios.entry import Entry
from lab.scenarios.machines import configured, first, machines
from lab.scenarios.needs import Need
from lab.scenarios.recovery import in_cluster, survives
from lab.scenarios.rehearsal import Rehearsal
from lab.strikes import Moment, blacked_out_at

BOOTSTRAP = "Bootstrap::infrastructure-bootstrap"
GATE = "Gate::infrastructure-nodes-registered"
CILIUM = "Release::cni-cilium"
IDENTITY = "Secret::secrets-sealed-secrets-key"
ZONE_KEY = "Secret::dns-tsig"


def vm(rehearsal: Rehearsal) -> str:
    """The first control plane's machine, as a URN ends."""
    return f"VmLegacy::infrastructure-fleet-{first(rehearsal)}"


def configuration(rehearsal: Rehearsal) -> str:
    """The first control plane's configuration, as a URN ends."""
    return f"ConfigurationApply::infrastructure-fleet-{first(rehearsal)}-config"


def guest(rehearsal: Rehearsal, name: str) -> dict[str, Any] | None:
    """A guest of the simulated Proxmox VE, by its name."""
    world = rehearsal.vendors.get(rehearsal.vendors.worlds["proxmox"])
    guests: list[dict[str, Any]] = list(world["guests"].values())
    return next((item for item in guests if item["config"].get("name") == name), None)


def kill_vm_create(rehearsal: Rehearsal) -> str:
    """The operator's machine goes dark while a VM is there and was never started: it is removed."""

    def half_made() -> bool:
        found = guest(rehearsal, first(rehearsal))
        return found is not None and found["status"] == "stopped"

    return survives(rehearsal, Moment(resource=vm(rehearsal), effect=half_made), blacked_out_at)


def kill_vm_start(rehearsal: Rehearsal) -> str:
    """A VM runs, and the engine has not heard of it: it is adopted."""

    def runs() -> bool:
        found = guest(rehearsal, first(rehearsal))
        return found is not None and found["status"] == "running"

    return survives(rehearsal, Moment(resource=vm(rehearsal), effect=runs))


def kill_before_bootstrap(rehearsal: Rehearsal) -> str:
    """A control plane has its configuration, and nobody has founded etcd."""
    taken = configured(rehearsal, first(rehearsal))
    return survives(rehearsal, Moment(resource=configuration(rehearsal), effect=taken))


def kill_in_bootstrap(rehearsal: Rehearsal) -> str:
    """Etcd runs, and the engine does not know that it was founded."""

    def founded() -> bool:
        return any(machine["processes"].get("etcd") for machine in machines(rehearsal))

    return survives(rehearsal, Moment(resource=BOOTSTRAP, effect=founded))


def kill_in_gate(rehearsal: Rehearsal) -> str:
    """A gate waits; the next run has to wait at it again."""
    return survives(rehearsal, Moment(resource=GATE))


def kill_in_cilium(rehearsal: Rehearsal) -> str:
    """Helm has written its record, and the release is not deployed."""
    record = in_cluster(rehearsal, "secret", "-n", "kube-system", "-l", "owner=helm,name=cilium")
    return survives(rehearsal, Moment(resource=CILIUM, effect=record, slow=True))


def kill_identity_secret(rehearsal: Rehearsal) -> str:
    """The sealed-secrets key lies in the cluster, and the state does not have it."""
    lies = in_cluster(rehearsal, "secret", "sealed-secrets-key", "-n", "sealed-secrets")
    return survives(rehearsal, Moment(resource=IDENTITY, effect=lies))


def kill_dns_record(rehearsal: Rehearsal) -> str:
    """The zone-transfer key lies in the cluster, and the state does not have it."""
    lies = in_cluster(rehearsal, "secret", "tsig", "-n", "powerdns")
    return survives(rehearsal, Moment(resource=ZONE_KEY, effect=lies))


ENTRIES = tuple(
    Entry(
        name=name,
        run=run,
        starts_with_cluster=standing,
        ends_with_cluster=True,
        needs=frozenset(needs),
    )
    for name, run, standing, needs in (
        ("kill-vm-create", kill_vm_create, False, {Need.PROXMOX}),
        ("kill-vm-start", kill_vm_start, False, {Need.PROXMOX}),
        ("kill-before-bootstrap", kill_before_bootstrap, False, ()),
        ("kill-in-bootstrap", kill_in_bootstrap, False, ()),
        ("kill-in-gate", kill_in_gate, False, ()),
        ("kill-in-cilium", kill_in_cilium, False, ()),
        ("kill-identity-secret", kill_identity_secret, False, ()),
        ("kill-dns-record", kill_dns_record, False, {Need.ZONE}),
    )
)
