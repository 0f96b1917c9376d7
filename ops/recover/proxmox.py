"""What a cut-off create left on Proxmox VE: asked of its API, one judgement per type.

Machines and files are looked at with the stack's everyday token, access control with the login that
makes it. A task goes on when the program that began it is gone, so its end is awaited first.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from proxmoxer import ProxmoxAPI
from proxmoxer.core import AuthenticationError, ResourceException

from config.secret_keys import PROXMOX_AUTH, PROXMOX_TOKEN
from ops.errors import VerbError
from ops.recover import table
from ops.recover.findings import Finding, Properties, adopted, cleared, left, removed

REQUEST_SECONDS = 30
TASK_SECONDS = 120
POLL_SECONDS = 0.2
DEFAULT_PORT = 8006
ROOT_LOGIN = "root@pam"
GIB = {"M": 1 / 1024, "G": 1.0, "T": 1024.0}


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Turn the client's exceptions into one sentence that says what was being done."""
    try:
        yield
    except AuthenticationError as error:
        raise VerbError(f"{doing}: Proxmox VE does not accept the login ({error}).") from error
    except ResourceException as error:
        detail = f"{error.status_code} {error.status_message}: {error.content}".strip(": ")
        raise VerbError(f"{doing}: Proxmox VE answered {detail}.") from error
    except requests.RequestException as error:
        raise VerbError(f"{doing}: Proxmox VE could not be asked ({error}).") from error


class Proxmox:
    """One Proxmox VE and what the stack wanted of it; `secrets` are the stack's, in clear."""

    def __init__(self, facts: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        self._facts, self._secrets = facts, secrets
        self._everyday: Any = None
        self._admin: Any = None
        self._judges: dict[str, Callable[[Properties], Finding]] = {
            table.VM: self.machine,
            table.FILE: self.file,
            table.POOL: self.pool,
            table.ROLE: self.role,
            table.USER: self.user,
            table.TOKEN: self.token,
        }

    def judge(self, kind: str, inputs: Properties) -> Finding:
        """What is there of a resource, and what to do about it."""
        with refusals(f"looking for a {kind.rpartition(':')[2]}"):
            return self._judges[kind](inputs)

    @property
    def judged(self) -> frozenset[str]:
        """The types that it can judge."""
        return frozenset(self._judges)

    def machine(self, inputs: Properties) -> Finding:
        """A VM, by its VMID."""
        number, api = int(inputs["vmId"]), self.everyday()
        self.await_tasks(str(inputs["nodeName"]), str(number))
        found = next((i for i in api.cluster.resources.get(type="vm") if i["vmid"] == number), None)
        if found is None:
            return cleared(f"there is no VM {number}")
        guest = api.nodes(found["node"]).qemu(number)
        config = guest.config.get()
        reason = another(config, inputs)
        if reason:
            return left(
                f"VM {number} is not this stack's: {reason}. Give that VM another number, or this "
                "machine in the stack's facts"
            )
        lacks = half_made(config, str(found.get("status")), inputs)
        if not lacks:
            return adopted(f"VM {number} runs, whole", str(number))
        locked = bool(config.get("lock"))
        if locked and not self._is_root():
            return left(
                f"VM {number} is ours, half made and locked ({config['lock']}): on its host, "
                f"`qm unlock {number}`, then run this again"
            )
        seen = f"VM {number} is half made: {lacks}"
        return removed(seen, lambda: self._destroy(str(found["node"]), number, locked=locked))

    def _destroy(self, node: str, number: int, *, locked: bool) -> None:
        api = self.admin() if locked else self.everyday()
        guest = api.nodes(node).qemu(number)
        past_lock = {"skiplock": 1} if locked else {}
        with refusals(f"removing VM {number}"):
            if guest.status.current.get()["status"] != "stopped":
                self.finish(api, node, guest.status.stop.post(**past_lock), f"stop VM {number}")
            options = {"purge": 1, "destroy-unreferenced-disks": 0, **past_lock}
            self.finish(api, node, guest.delete(**options), f"remove VM {number}")

    def file(self, inputs: Properties) -> Finding:
        """A downloaded image, by its name on the datastore."""
        node, store = str(inputs["nodeName"]), str(inputs["datastoreId"])
        name, content = str(inputs["fileName"]), str(inputs["contentType"])
        self.await_tasks(node, name)
        volume = f"{store}:{content}/{name}"
        listed = self.everyday().nodes(node).storage(store).content.get(content=content)
        if volume not in {str(item["volid"]) for item in listed}:
            return cleared(f"{volume} is not there")
        return adopted(f"{volume} is there, whole", volume)

    def pool(self, inputs: Properties) -> Finding:
        """A resource pool."""
        name = str(inputs["poolId"])
        found = named(self.admin().pools.get(), "poolid", name)
        return by_comment(f"pool {name}", name, found, inputs)

    def role(self, inputs: Properties) -> Finding:
        """A role; it has no comment, so its privileges have to agree."""
        name, wanted = str(inputs["roleId"]), set(inputs["privileges"])
        found = named(self.admin().access.roles.get(), "roleid", name)
        if found is None:
            return cleared(f"there is no role {name}")
        has = set(str(found.get("privs") or "").replace(",", " ").split())
        if has != wanted:
            return left(f"role {name} has other privileges: {', '.join(sorted(has ^ wanted))}")
        return adopted(f"role {name} is there with its privileges", name)

    def user(self, inputs: Properties) -> Finding:
        """A user."""
        name = str(inputs["userId"])
        found = named(self.admin().access.users.get(), "userid", name)
        return by_comment(f"user {name}", name, found, inputs)

    def token(self, inputs: Properties) -> Finding:
        """An API token: nobody has its secret, so it goes."""
        user, name = str(inputs["userId"]), str(inputs["tokenName"])
        api = self.admin()
        if named(api.access.users.get(), "userid", user) is None:
            return cleared(f"there is no user {user}")
        found = named(api.access.users(user).token.get(), "tokenid", name)
        judged = by_comment(f"token {user}!{name}", name, found, inputs)
        if not judged.identity:
            return judged

        def remove() -> None:
            with refusals(f"removing token {user}!{name}"):
                api.access.users(user).token(name).delete()

        return removed(f"token {user}!{name} was made, and nobody has its secret", remove)

    def await_tasks(self, node: str, about: str) -> None:
        """Wait for tasks about a VMID or file: they outlive the program that began them."""
        deadline = time.monotonic() + TASK_SECONDS
        while True:
            active = self.everyday().nodes(node).tasks.get(source="active")
            running = [t for t in active if str(t.get("id")) == about and not t.get("endtime")]
            if not running:
                return
            if time.monotonic() > deadline:
                raise VerbError(
                    f"the task {running[0]['upid']} about {about} still runs on {node} after "
                    f"{TASK_SECONDS} s: run this again when it has ended."
                )
            time.sleep(POLL_SECONDS)

    def finish(self, api: Any, node: str, task: object, doing: str) -> None:
        """Wait for a task of ours, and insist that it ended well."""
        deadline = time.monotonic() + TASK_SECONDS
        while (status := api.nodes(node).tasks(str(task)).status.get())["status"] != "stopped":
            if time.monotonic() > deadline:
                raise VerbError(f"{doing}: task {task} has not ended within {TASK_SECONDS} s.")
            time.sleep(POLL_SECONDS)
        end = str(status.get("exitstatus"))
        if end != "OK" and not end.startswith("WARNINGS"):
            raise VerbError(f"{doing}: the task {task} ended with: {end}.")

    def everyday(self) -> Any:
        """A session with the stack's token."""
        if self._everyday is None:
            user, _, rest = self._secret(PROXMOX_TOKEN).partition("!")
            name, _, value = rest.partition("=")
            self._everyday = self._session(user=user, token_name=name, token_value=value)
        return self._everyday

    def admin(self) -> Any:
        """A session with the login that may grant rights."""
        if self._admin is None:
            login = self._login()
            self._admin = self._session(user=login["username"], password=login["password"])
        return self._admin

    def _login(self) -> dict[str, str]:
        login: dict[str, str] = json.loads(self._secret(PROXMOX_AUTH))
        return login

    def _is_root(self) -> bool:
        """Only root may pass over a lock."""
        return PROXMOX_AUTH in self._secrets and self._login()["username"] == ROOT_LOGIN

    def _secret(self, key: str) -> str:
        if key not in self._secrets:
            raise VerbError(f"{key} is needed to look at Proxmox VE: `pulumi config set --secret`.")
        return self._secrets[key]

    def _session(self, **credentials: str) -> Any:
        address = urlsplit(str(self._facts["endpoint"]))
        return ProxmoxAPI(
            address.hostname,
            port=address.port or DEFAULT_PORT,
            verify_ssl=not self._facts.get("insecure"),
            timeout=REQUEST_SECONDS,
            **credentials,
        )


def named(items: list[dict[str, Any]], key: str, name: str) -> dict[str, Any] | None:
    """The entry of a listing with this name."""
    return next((item for item in items if str(item.get(key)) == name), None)


def by_comment(
    what: str, name: str, found: Mapping[str, Any] | None, inputs: Properties
) -> Finding:
    """Ours when the comment is, which names the cluster."""
    if found is None:
        return cleared(f"there is no {what}")
    has, wanted = str(found.get("comment") or ""), str(inputs.get("comment") or "")
    if has != wanted:
        return left(f"{what} is not this stack's: its comment is {has!r}, ours is {wanted!r}")
    return adopted(f"{what} is there", name)


def another(config: Mapping[str, Any], inputs: Properties) -> str | None:
    """Why a VM is not the one that was asked for; None when it is."""
    for key in ("name", "description"):
        has, wanted = str(config.get(key) or "").strip(), str(inputs.get(key) or "").strip()
        if has != wanted:
            return f"its {key} is {has!r}, ours is {wanted!r}"
    return None


def half_made(config: Mapping[str, Any], status: str, inputs: Properties) -> str | None:
    """What a VM lacks of what was asked for; None when it is whole."""
    if config.get("lock"):
        return f"it is locked ({config['lock']})"
    for disk in inputs.get("disks") or []:
        interface, wanted = str(disk["interface"]), float(disk.get("size") or 0)
        if interface not in config:
            return f"it has no disk at {interface}"
        if size_gib(str(config[interface])) < wanted:
            return f"its disk at {interface} is not grown to {wanted:g} GiB yet"
    drive = (inputs.get("initialization") or {}).get("interface")
    if drive and drive not in config:
        return f"it has no cloud-init drive at {drive}"
    if inputs.get("started") and status != "running":
        return "it was never started"
    return None


def size_gib(drive: str) -> float:
    """The size in a drive's configuration, `local-zfs:vm-1-disk-0,size=40G`; 0 without one."""
    found = re.search(r"(?:^|,)size=(\d+(?:\.\d+)?)([MGT])", drive)
    return float(found.group(1)) * GIB[found.group(2)] if found else 0.0
