"""Machine-side prerequisites of storage that are facts of the config."""

from collections.abc import Iterator

from config.cluster import Cluster
from config.rules.model import Finding, over_cluster
from config.services import Longhorn


@over_cluster("longhorn-volume", "Every machine with workloads has Longhorn's data disk")
def longhorn_volume(cluster: Cluster) -> Iterator[Finding]:
    """Longhorn would fill EPHEMERAL there, which a reset wipes with all replicas on it."""
    storage = cluster.storage
    if not isinstance(storage, Longhorn):
        return
    for index, machine in enumerate(cluster.machines):
        if machine.is_control_plane and not cluster.talos.schedule_on_control_planes:
            continue
        names = [disk.name for disk in machine.metal.data_disks] if machine.metal else []
        if storage.volume not in names:
            given = ", ".join(names) or "none"
            yield Finding(
                path=f"machines[{index}].metal.dataDisks"
                if machine.metal
                else f"machines[{index}]",
                value=given,
                message=f"data disks of {machine.name}: {given}; "
                f"storage.volume is {storage.volume}",
                fix=f"add a data disk named {storage.volume}, or correct storage.volume",
            )
