"""Resources of what outlasts a cluster: volumes, names."""

from collections.abc import Sequence

import pulumi
from pulumi import Output


class VolumeSweep(pulumi.CustomResource):
    """Its delete frees what the storage driver left; who comes after takes `datastore` from it."""

    datastore: Output[str]

    def __init__(
        self,
        name: str,
        *,
        datastore: str,
        hosts: Sequence[str],
        region: str,
        shared: bool,
        data_on_destroy: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "datastore": datastore,
            "hosts": list(hosts),
            "region": region,
            "shared": shared,
            "dataOnDestroy": data_on_destroy,
        }
        super().__init__("hearth:index:VolumeSweep", name, inputs, opts)


class Delegation(pulumi.CustomResource):
    """The records that a parent zone needs, as zone-file lines."""

    records: Output[Sequence[str]]

    def __init__(
        self,
        name: str,
        *,
        zone: str,
        nameserver: str,
        address: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"zone": zone, "nameserver": nameserver, "address": address, "records": None}
        super().__init__("hearth:index:Delegation", name, inputs, opts)
