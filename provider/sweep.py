"""VolumeSweep: a resource whose delete frees what a cluster's storage driver left on a datastore.

Its create touches nothing, its update only looks. Every Proxmox CSI names its volumes alike, so
ownership comes from the datastore: on the stack's own one everything the driver made is ours, on a
shared one the sweep only lists (sergelogvinov/proxmox-csi-plugin#561). Whose volumes they are is
asked of Proxmox VE alone, never of a cluster that may be dead.

A volume's handle in Kubernetes is `region/zone/datastore/name`, so none of the first three may
change under it: another region is refused for good, another datastore or a host less while volumes
are left behind there.
"""

from typing import Any

from provider import proxmox
from provider.rpc import Properties, Refused, Resource, operation, plain


class VolumeSweep(Resource):
    """Inputs: `datastore`, `hosts`, `region`, `shared`, `dataOnDestroy` (keep or sweep).

    `hosts` are those with machines of the stack, for the driver makes its volumes there.
    `credentials` is set by the plugin's configuration.
    """

    required = ("datastore", "hosts", "region", "shared", "dataOnDestroy")

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
        """What will be done at the end has changed; a preview refuses what `up` would."""
        del id, preview, timeout
        before, wanted = plain(olds), plain(news)
        if before.get("region", wanted["region"]) != wanted["region"]:
            raise Refused(
                f"the region was {before['region']} and is to be {wanted['region']}: every "
                "volume's handle begins with it, so it is fixed for a cluster's life; put it back, "
                "or destroy the cluster first"
            )
        if self.credentials is not None:
            keep_in_reach(proxmox.connect(self.credentials), before, wanted)
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


def keep_in_reach(api: Any, before: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to turn away from volumes; on a shared datastore, whose they are is the user's to say.

    A host that Proxmox VE itself does not know any more has none.
    """
    datastore = before.get("datastore")
    hosts = set(before.get("hosts", []))
    if datastore == wanted["datastore"]:
        hosts -= set(wanted["hosts"])
    if not datastore or not hosts:
        return
    with proxmox.refusals(f"listing the hosts of {datastore}"):
        known = {item["node"] for item in api.nodes.get()}
    left = proxmox.csi_volumes(api, datastore, sorted(hosts & known))
    if datastore == wanted["datastore"]:
        seen = proxmox.csi_volumes(api, datastore, list(wanted["hosts"]))
        still = {volume.id for volume in seen}
        left = [volume for volume in left if volume.id not in still]
    if not left:
        return
    names = "\n".join(f"  {volume}" for volume in left)
    where = f"{datastore} on {', '.join(sorted(hosts))}"
    if before.get("shared"):
        operation.current().warn(
            f"{where} is no longer this stack's, and these volumes lie there; those of this "
            f"cluster are out of its reach from now on:\n{names}"
        )
        return
    raise Refused(
        f"{where} is to be given up, but the cluster's volumes lie there, and their handles name "
        f"both; move the data and delete the claims first:\n{names}"
    )
