"""`VmLegacy`: a VM through its life, in the order of calls of the vendor's plugin.

Create, resize imported disks, start, read. Update moves nothing that it need not: a changed
property is sent, and what needs a reboot reboots the VM, or with `rebootAfterUpdate: false` only
says so. A disk that somebody else attached (a CSI's volume) is not read, but taken off as soon as
anything about the VM's own disks changes. Cloning and SSH are absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab.plugins.proxmoxve import decode, encode, normal
from lab.plugins.proxmoxve.api import Api, ApiError, patiently, transient
from lab.plugins.proxmoxve.changes import Update
from lab.plugins.proxmoxve.guest import Guest
from lab.plugins.proxmoxve.normal import Model
from provider.rpc import (
    UNKNOWN,
    Diff,
    Failure,
    PartialFailure,
    Properties,
    Refused,
    Resource,
    field_wise,
    plain,
)

_REPLACES = (
    "vmId",
    "disks[*].fileId",
    "initialization.metaDataFileId",
    "initialization.networkDataFileId",
    "initialization.type",
    "initialization.userDataFileId",
    "initialization.vendorDataFileId",
    "efiDisk.type",
    "tpmState.version",
)
_OBSERVED = ("ipv4Addresses", "ipv6Addresses", "macAddresses", "networkInterfaceNames")
_ROOT_ONLY = (
    "the `cpu.architecture` can only be set by the root account. Please switch to the root "
    "account or remove the `cpu.architecture` from the VM configuration"
)


class Vm(Resource):
    """A VM. `api` gives the logged-in client."""

    def __init__(self, api: Callable[[], Api]) -> None:
        self._api = api

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Fill in the vendor's defaults; refuse what the stand-in does not do."""
        del olds
        given = plain(news)
        failures = [
            Failure(name, f"the stand-in for proxmoxve does not model {name}")
            for name in normal.ABSENT
            if given.get(name)
        ]
        if given.get("nodeName") is None:
            failures.append(Failure("nodeName", "Missing required property 'nodeName'"))
        disks = given.get("disks")
        for index, disk in enumerate(disks if isinstance(disks, list) else []):
            if isinstance(disk, Mapping) and disk.get("fileId"):
                failures.append(
                    Failure(
                        f"disks[{index}].fileId",
                        "needs SSH to the host, which the stand-in has not; use importFrom",
                    )
                )
        return normal.filled(given), failures

    def diff(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """Compare the state as last read with what is wanted."""
        del id, old_inputs
        wanted = plain(news)
        old, new = normal.comparable(plain(olds), wanted)
        replaces = (*_REPLACES, *(() if wanted.get("migrate") else ("nodeName",)))
        return field_wise(old, new, ignore=ignore, replace_on=replaces)

    def create(
        self,
        inputs: Properties,
        preview: bool,
        timeout: float,
    ) -> tuple[str, Properties]:
        """Create, resize what was imported, start, read."""
        del timeout
        if preview:
            unknown: Properties = dict.fromkeys(normal.COMPUTED, UNKNOWN)
            return "", {**unknown, **inputs}
        api, model = self._api(), plain(inputs)
        self._root_only(api, model)
        if model.get("vmId") is None:
            model["vmId"] = int(api.get("cluster/nextid"))
        guest = Guest(api, model["nodeName"], model["vmId"], model)
        try:
            api.wait(self._post(guest, encode.creation(model)), model["timeoutCreate"])
        except (ApiError, Refused) as error:
            raise Refused(f"VM create: error creating VM: {error}") from error
        try:
            self._finish(guest, model)
        except (ApiError, Refused) as error:
            raise PartialFailure(
                str(guest.vm_id), self._seen(guest, model), [str(error)]
            ) from error
        return str(guest.vm_id), self._seen(guest, model, with_agent=True)

    def _post(self, guest: Guest, parameters: Model) -> Any:
        """POST the VM, again after a 5xx; then a VM that is there is the one of the first try."""
        tried = False

        def post() -> Any:
            nonlocal tried
            try:
                return guest.api.post(f"nodes/{guest.node}/qemu", **parameters)
            except ApiError as error:
                if tried and "already exists" in error.reason:
                    return None
                tried = True
                raise

        return patiently(post, transient)

    def _root_only(self, api: Api, model: Model) -> None:
        architecture = (model.get("cpu") or {}).get("architecture")
        if architecture and not api.is_root_password:
            raise Refused(_ROOT_ONLY)

    def _finish(self, guest: Guest, model: Model) -> None:
        for disk in model["disks"]:
            if disk["importFrom"]:
                guest.resize("VM disk resize", disk["interface"], disk["size"])
        if model["template"]:
            what = "VM convert to template: error converting VM to template"
            guest.do(what, "post", "/template", model["timeoutCreate"])
        elif model["started"]:
            guest.start()
            if model["reboot"]:
                guest.restart()

    def _seen(self, guest: Guest, known: Model, *, with_agent: bool = False) -> Properties:
        """The state: what Proxmox VE says, in the normal form."""
        config = guest.config()
        model = decode.model_of(config, guest.vm_id, known)
        model["nodeName"] = guest.node
        self._formats(guest, model)
        pool = self._pool(guest.api, guest.vm_id)
        model["poolId"] = pool
        running = guest.status() == "running"
        model["started"] = known.get("started", True) if model["template"] else running
        model |= {name: [] for name in _OBSERVED if name != "macAddresses"}
        agent = model.get("agent") or {}
        if with_agent and running and agent.get("enabled"):
            self._observe(guest, model, agent)
        return {key: value for key, value in model.items() if value is not None}

    def _observe(self, guest: Guest, model: Model, agent: Mapping[str, Any]) -> None:
        found = guest.interfaces(agent) or []
        for family in ("ipv4", "ipv6"):
            model[f"{family}Addresses"] = [
                [
                    entry["ip-address"]
                    for entry in item.get("ip-addresses") or []
                    if entry.get("ip-address-type") == family
                ]
                for item in found
            ]
        model["networkInterfaceNames"] = [str(item.get("name")) for item in found]
        model["macAddresses"] = [str(item.get("hardware-address", "")).upper() for item in found]

    def _formats(self, guest: Guest, model: Model) -> None:
        """A disk's format, asked of the storage where the configuration does not say it."""
        for disk in model["disks"]:
            if "fileFormat" in disk or not disk.get("datastoreId"):
                continue
            volume = f"{disk['datastoreId']}:{disk['pathInDatastore']}"
            path = f"nodes/{guest.node}/storage/{disk['datastoreId']}/content"
            try:
                for item in guest.api.get(path, vmid=guest.vm_id):
                    if item.get("volid") == volume and item.get("format"):
                        disk["fileFormat"] = item["format"]
            except ApiError:
                continue  # the volume is gone: the vendor skips the look-up too

    def _pool(self, api: Api, vm_id: int) -> str:
        for item in api.get("cluster/resources", type="vm"):
            if item.get("vmid") == vm_id:
                return str(item.get("pool") or "")
        return ""

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """What Proxmox VE says; gone when the cluster does not know the VM."""
        api, known = self._api(), plain(state)
        node, _, number = id.rpartition("/")  # an import names the node: atlas/101
        vm_id = int(number)
        found = next(
            (i for i in api.get("cluster/resources", type="vm") if i["vmid"] == vm_id), None
        )
        if found is None:
            return None, {}, {}
        base = {**normal.TOP, **known}
        guest = Guest(api, str(found.get("node") or node), vm_id, base)
        try:
            seen = self._seen(guest, base, with_agent=True)
        except ApiError as error:
            if error.missing:
                return None, {}, {}
            raise Refused(f"error retrieving VM {vm_id}: {error}") from error
        written = plain(inputs)
        if not written:
            kept = {k: v for k, v in seen.items() if k not in _OBSERVED}
            return str(vm_id), seen, kept
        now = {key: seen.get(key, value) for key, value in written.items()}
        if len(seen["disks"]) != len(written.get("disks") or []):
            now["disks"] = seen["disks"]
        return str(vm_id), seen, now

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Send what changed, then settle power."""
        del timeout
        old, model = plain(olds), plain(news)
        if preview:
            return {**{key: old[key] for key in normal.COMPUTED if key in old}, **news}
        api = self._api()
        self._root_only(api, model)
        model.setdefault("vmId", int(id))
        guest = Guest(api, old["nodeName"], int(id), model)
        try:
            Update(guest, old, model).run()
        except (ApiError, Refused) as error:
            raise PartialFailure(
                id, self._seen(guest, {**model, **_kept(old)}), [str(error)]
            ) from error
        return self._seen(guest, model, with_agent=True)

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """Stop or shut down, then destroy with its disks."""
        del timeout
        model = {**normal.TOP, **plain(state)}
        guest = Guest(self._api(), model["nodeName"], int(id), model)
        try:
            if guest.status() != "stopped":
                if model["stopOnDestroy"]:
                    guest.stop()
                else:
                    guest.ensure_stopped()
            flags = {
                "purge": int(model["purgeOnDestroy"]),
                "destroy-unreferenced-disks": int(model["deleteUnreferencedDisksOnDestroy"]),
            }
            upid = patiently(lambda: guest.api.delete(guest.path, **flags), transient)
            longest = max(model["timeoutStopVm"], model["timeoutShutdownVm"])
            guest.api.wait(upid, longest)
        except ApiError as error:
            if not error.missing:
                raise Refused(f"VM delete: error deleting VM: {error}") from error
        except Refused as error:
            raise Refused(f"VM delete: {error}") from error


def _kept(old: Mapping[str, Any]) -> Model:
    """What a failed update leaves of the provider's own switches: the old ones."""
    return {key: old[key] for key in ("started",) if key in old}
