"""The Proxmox VE API as preflight and sweep use it: read much, free volumes, nothing else.

Credentials come from the provider's configuration at run time. Every call has a deadline; what the
API refuses is told with the API's own words.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from proxmoxer import ProxmoxAPI
from proxmoxer.core import AuthenticationError, ResourceException

from provider.rpc import Refused, operation

REQUEST_SECONDS = 30
TASK_SECONDS = 300
POLL_SECONDS = 0.2
DEFAULT_PORT = 8006
# 595 and 596 are Proxmox VE's own: the node that was asked could not pass the request on.
_DEAD_NODE = (
    "; the host it was meant for does not answer the others: is it on, and do `pvecm status` and "
    "`systemctl status pveproxy` there look well?"
)
REMEDIES = {
    requests.codes.forbidden: "; docs/proxmox.md lists the rights that the token needs",
    595: _DEAD_NODE,
    596: _DEAD_NODE,
}


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Where the API is, and the token that opens it: `user@realm!name=secret`."""

    endpoint: str
    token: str
    insecure: bool = False


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Turn the client's exceptions into one sentence that says what was being done."""
    try:
        yield
    except AuthenticationError as error:
        raise Refused(f"{doing}: Proxmox VE does not accept the token ({error})") from error
    except ResourceException as error:
        if error.status_code == requests.codes.unauthorized:
            raise Refused(
                f"{doing}: Proxmox VE does not accept the token ({error.status_message}); is "
                "hearth:proxmoxToken the one that Datacenter > Permissions > API Tokens lists?"
            ) from error
        detail = f"{error.status_code} {error.status_message}: {error.content}".strip(": ")
        advice = REMEDIES.get(error.status_code, "")
        raise Refused(f"{doing}: Proxmox VE answered {detail}{advice}") from error
    except requests.RequestException as error:
        raise Refused(f"{doing}: Proxmox VE could not be asked ({error})") from error


def connect(credentials: Credentials, seconds: int = REQUEST_SECONDS) -> Any:
    """A proxmoxer session, `seconds` for each request; the token never appears in an error."""
    user, _, rest = credentials.token.partition("!")
    name, _, secret = rest.partition("=")
    if not (user and name and secret):
        raise Refused(
            "hearth:proxmoxToken is not a token: it reads user@realm!name=secret, as Proxmox VE "
            "shows it once under Datacenter > Permissions > API Tokens"
        )
    address = urlsplit(credentials.endpoint)
    if not address.hostname:
        raise Refused(f"the Proxmox endpoint {credentials.endpoint!r} names no host")
    return ProxmoxAPI(
        address.hostname,
        port=address.port or DEFAULT_PORT,
        user=user,
        token_name=name,
        token_value=secret,
        verify_ssl=not credentials.insecure,
        timeout=seconds,
    )


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume on a datastore: its id (`local-zfs:vm-9999-pvc-...`), size in bytes and owner."""

    id: str
    size: int
    host: str

    def __str__(self) -> str:
        """Name and size for a person."""
        return f"{self.id} ({self.size / 1024**3:.1f} GiB)"


# The CSI driver names every cluster's volumes alike: vm-9999-pvc-<uuid>.
CSI_OWNER = 9999


# To free a volume, and to see all that lie on a datastore.
FREEING = "Datastore.Allocate"


def allowed(rights: dict[str, Any], path: str, privilege: str) -> bool:
    """Whether a privilege holds on a path, there or propagated from one above it.

    `/access/permissions` lists only the paths with entries; the value is 1 when it propagates.
    """
    if path in rights:
        return privilege in rights[path]
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        if path in rights:
            return bool(rights[path].get(privilege))
    return False


def blind_spot(rights: dict[str, Any], datastore: str) -> str | None:
    """Why a token does not see every volume of the driver, None when it does.

    Proxmox VE leaves out of a listing, in silence, what the token may not touch
    (pve-storage, PVE/Storage.pm: check_volume_access).
    """
    storage, owner = f"/storage/{datastore}", f"/vms/{CSI_OWNER}"
    if allowed(rights, storage, FREEING):
        return None
    if allowed(rights, storage, "Datastore.Audit") and allowed(rights, owner, "VM.Config.Disk"):
        return None
    return f"the token lacks {FREEING} on {storage}, so it is not shown every volume"


def csi_volumes(api: Any, datastore: str, hosts: list[str]) -> list[Volume]:
    """Volumes on the datastore that a Proxmox CSI made, on any of the hosts; others are not ours.

    "Could not ask" is an error, never "none"; nor is "was not shown".
    """
    with refusals(f"listing the volumes of {datastore}"):
        rights: dict[str, Any] = api.access.permissions.get()
    if reason := blind_spot(rights, datastore):
        raise Refused(f"listing the volumes of {datastore}: {reason}")
    found: dict[str, Volume] = {}
    for host in hosts:
        with refusals(f"listing the volumes of {datastore} on {host}"):
            content = api.nodes(host).storage(datastore).content.get(vmid=CSI_OWNER)
        for item in content:
            name = str(item["volid"])
            if f":vm-{CSI_OWNER}-pvc-" in name:
                found[name] = Volume(id=name, size=int(item.get("size", 0)), host=host)
    return [found[name] for name in sorted(found)]


def free(api: Any, volume: Volume) -> None:
    """Delete one volume, to the end of the task that does it."""
    datastore, _, _ = volume.id.partition(":")
    doing = f"freeing {volume.id}"
    with refusals(doing):
        task = api.nodes(volume.host).storage(datastore).content(volume.id).delete()
    if task:
        finish(api, volume.host, str(task), doing)


def finish(api: Any, host: str, task: str, doing: str) -> None:
    """Wait for a task: Proxmox VE answers when it has begun, and a failure shows only in its end.

    A task that ended with warnings has done its work.
    """
    call = operation.current()
    deadline = time.monotonic() + TASK_SECONDS
    while True:
        with refusals(doing):
            status = api.nodes(host).tasks(task).status.get()
        if status["status"] == "stopped":
            break
        if time.monotonic() >= deadline:
            raise Refused(f"{doing}: the task {task} has not ended within {TASK_SECONDS} s")
        call.wait(POLL_SECONDS)
    end = str(status.get("exitstatus"))
    if end != "OK" and not end.startswith("WARNINGS"):
        raise Refused(f"{doing}: the task {task} ended with: {end}")
