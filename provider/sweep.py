"""VolumeSweep: a resource whose delete frees what a cluster's storage driver left on a datastore.

Its create and update touch nothing. Every Proxmox CSI names its volumes alike, so ownership comes
from the datastore: on the stack's own one everything the driver made is ours, on a shared one the
sweep only lists (sergelogvinov/proxmox-csi-plugin#561).
"""

from provider import proxmox
from provider.rpc import Properties, Refused, Resource, operation, plain


class VolumeSweep(Resource):
    """Inputs: `datastore`, `hosts`, `shared`, `dataOnDestroy` (keep or sweep).

    `credentials` is set by the plugin's configuration.
    """

    required = ("datastore", "hosts", "shared", "dataOnDestroy")

    def __init__(self) -> None:
        self.credentials: proxmox.Credentials | None = None

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Nothing to do until the cluster goes."""
        del timeout
        return ("" if preview else str(plain(inputs["datastore"]))), inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """What will be done at the end has changed."""
        del id, olds, preview, timeout
        return news

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """List what the driver left, with sizes; free it where it is ours to free."""
        del id, timeout
        wanted = plain(state)
        if self.credentials is None:
            raise Refused("the volume sweep has no Proxmox credentials: run `pulumi up` once")
        call = operation.current()
        api = proxmox.connect(self.credentials)
        volumes = proxmox.csi_volumes(api, wanted["datastore"], list(wanted["hosts"]))
        if not volumes:
            return
        names = "\n".join(f"  {volume}" for volume in volumes)
        if wanted["dataOnDestroy"] != "sweep":
            call.warn(
                f"{len(volumes)} volumes are kept, as the stack's dataOnDestroy says:\n{names}"
            )
            return
        if wanted["shared"]:
            call.warn(
                f"{wanted['datastore']} is shared, so these volumes may be another cluster's and "
                f"are left alone; free yours by hand:\n{names}"
            )
            return
        call.info(f"freeing {len(volumes)} volumes:\n{names}")
        for volume in volumes:
            call.status(f"freeing {volume.id}")
            proxmox.free(api, volume)
