"""One VM's power, tasks and agent: the calls between which `vm` decides.

Waiting is bounded by the VM's own timeouts (seconds), as in the vendor's plugin.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.plugins.proxmoxve.api import Api, ApiError, patiently, saying
from lab.plugins.proxmoxve.drives import options, truth
from provider.rpc import Refused, operation

_PAUSE = 0.25
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """A Go duration like `15m` or `1h30m`; `Refused` when it is none."""
    found = _DURATION.findall(text)
    if "".join(number + unit for number, unit in found) != text or not found:
        raise Refused(f'agent.timeout: time: invalid duration "{text}"; write for example 15m')
    return sum(float(number) * _SECONDS[unit] for number, unit in found)


@dataclass(frozen=True)
class Guest:
    """One VM on its node. `model` holds the timeouts."""

    api: Api
    node: str
    vm_id: int
    model: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The VM's path in the API."""
        return f"nodes/{self.node}/qemu/{self.vm_id}"

    def config(self) -> dict[str, Any]:
        """The configuration, pending changes included."""
        return dict(self.api.get(f"{self.path}/config"))

    def status(self) -> str:
        """`running` or `stopped`."""
        return str(self.api.get(f"{self.path}/status/current").get("status"))

    def do(self, what: str, verb: str, path: str, limit: float, **parameters: Any) -> None:
        """One call that may start a task; waits for it. Errors begin with `what`, if given."""

        def ask() -> Any:
            return self.api.call(verb, f"{self.path}{path}", **parameters)

        try:
            upid = patiently(ask, saying("got timeout", "got no worker upid"))
            self.api.wait(upid, limit)
        except (ApiError, Refused) as error:
            raise Refused(f"{what}: {error}" if what else str(error)) from error

    def resize(self, what: str, slot: str, size: int) -> None:
        """Grow a disk. The vendor's error text speaks of moving; so does this."""
        limit = self.model["timeoutMoveDisk"]
        text = f"{what}: error moving VM disk"
        self.do(text, "put", "/resize", limit, disk=slot, size=f"{size}G")

    def until(self, status: str, timeout: float) -> None:
        """Wait until the VM has a status."""
        deadline = time.monotonic() + timeout
        while self.status() != status:
            if time.monotonic() >= deadline:
                raise Refused(
                    f'timeout while waiting for VM {self.vm_id} to enter the status "{status}"'
                )
            operation.current().wait(_PAUSE)

    def start(self) -> None:
        """Start the VM unless it runs."""
        if self.status() != "stopped":
            return
        timeout = self.model["timeoutStartVm"]
        self.do("VM start: error starting VM", "post", "/status/start", timeout, timeout=timeout)
        self.until("running", timeout)

    def stop(self) -> None:
        """Pull the plug."""
        timeout = self.model["timeoutStopVm"]
        self.do("VM stop: error stopping VM", "post", "/status/stop", timeout)
        self.until("stopped", timeout)

    def agent_enabled(self) -> bool:
        """Whether the guest is said to run an agent: then it is shut down, else just stopped."""
        first, rest = options(str(self.config().get("agent", "0")))
        return truth(rest.get("enabled", first or "0"))

    def ensure_stopped(self) -> bool:
        """Shut the VM down (or stop it, without an agent); whether it ran."""
        if self.status() == "stopped":
            return False
        if not self.agent_enabled():
            self.stop()
            return True
        timeout = self.model["timeoutShutdownVm"]
        what = "VM shutdown: error shutting down VM"
        self.do(what, "post", "/status/shutdown", timeout, forceStop=1, timeout=timeout)
        self.until("stopped", timeout)
        return True

    def restart(self) -> None:
        """Reboot through the agent, or stop and start without one."""
        if self.status() == "stopped":
            return
        if not self.agent_enabled():
            self.ensure_stopped()
            self.start()
            return
        timeout = self.model["timeoutReboot"]
        self.do("VM reboot: error rebooting VM", "post", "/status/reboot", timeout, timeout=timeout)
        self.until("running", timeout)

    def interfaces(self, agent: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
        """The guest's network interfaces, once one has an address; None when none came in time.

        A missing agent is worth a warning, never an error: that is the vendor's rule.
        """
        wait_for = agent.get("waitForIp") or {}
        if wait_for.get("disabled"):
            return []
        families = [version for version in (4, 6) if wait_for.get(f"ipv{version}")]
        deadline = time.monotonic() + seconds(str(agent["timeout"]))
        while True:
            try:
                answer = self.api.get(f"{self.path}/agent/network-get-interfaces")
                found = list(answer.get("result") or [])
                if _has_addresses(found, families):
                    return found
            except ApiError as error:
                if error.code == 403:
                    text = f"error waiting for VM network interfaces: {error}"
                    operation.current().warn(_AGENT + text)
                    return None
            if time.monotonic() >= deadline:
                operation.current().warn(
                    f'{_AGENT}timeout while waiting for the QEMU agent on VM "{self.vm_id}" to '
                    "publish the network interfaces"
                )
                return None
            operation.current().wait(_PAUSE)


_AGENT = "error waiting for network interfaces from QEMU agent: "


def _has_addresses(interfaces: list[Mapping[str, Any]], families: list[int]) -> bool:
    seen = set()
    for interface in interfaces:
        for entry in interface.get("ip-addresses") or []:
            try:
                address = ipaddress.ip_address(str(entry.get("ip-address")).partition("%")[0])
            except ValueError:
                continue
            if not (address.is_loopback or address.is_link_local or address.is_multicast):
                seen.add(address.version)
    return set(families) <= seen if families else bool(seen)
