# SPDX-License-Identifier: AGPL-3.0-or-later
"""The simulated host: fakepve with a memory.

A subclass that answers from kept state wherever fakepve makes an answer up (access control, pending
changes, cloud-init drives, imported images, bridges), and that hands power to the machine
simulator. Tasks, locks, routing, the schema and everything not named here are fakepve's own.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from fakepve.model import TaskError
from fakepve.server import GENERIC, USER, FakePve, ok, params

from lab.proxmox import store
from lab.proxmox.errors import PveError, died, unauthorized
from lab.proxmox.faults import Faults
from lab.proxmox.guests import Guests
from lab.proxmox.machines import Machines
from lab.proxmox.permissions import Permissions, option_privilege
from lab.proxmox.power import Power
from lab.proxmox.routes.access import AccessRoutes
from lab.proxmox.routes.control import control_routes
from lab.proxmox.routes.nodes import NodeRoutes
from lab.proxmox.setup import apply_setup
from lab.proxmox.state.access import ROOT, AccessControl
from lab.proxmox.state.drives import Drive
from lab.proxmox.volumes import Volumes
from lab.proxmox.wire import API, Setup

Table = list[tuple[str, str, Callable[..., Awaitable[Any]]]]


class LabPve(FakePve):  # type: ignore[misc]  # fakepve ships no annotations
    """One Proxmox VE host (or cluster) of the lab."""

    def __init__(self, setup: Setup, directory: Path, machines: Machines) -> None:
        """State found in `directory` wins over `setup`, except for the time scale and the nodes."""
        super().__init__()
        self._directory = directory
        self.machines = machines
        self.time_scale = setup.time_scale
        self.version = setup.version
        self.nodes = {name: {"online": True} for name in setup.nodes}
        kept = store.load(directory, self)
        self.control = kept or apply_setup(setup, self)
        self.permissions = Permissions(self.control, self.pool_paths)
        self.volumes = Volumes(self, self.permissions)
        self.guests = Guests(self, self.permissions, self.volumes)
        bridges = {bridge.name for bridge in setup.bridges}
        self.power = Power(machines, self.guests, self.volumes, bridges)
        self.faults = Faults(self)
        self._access = AccessRoutes(self.control, self.pool_paths)
        self._node_routes = NodeRoutes(self, setup.bridges)
        self.save()

    def application(self) -> web.Application:
        """The API and the lab's own control endpoints as one application."""
        app: web.Application = self._build_app()
        app.router.add_routes(control_routes(self))
        app.middlewares.append(self.faults.late)
        app.on_cleanup.append(self._close)
        return app

    async def _close(self, _app: web.Application) -> None:
        await self.machines.close()
        self.save()

    def save(self) -> None:
        """Write the state to disk."""
        store.save(self._directory, self, self.control)

    def world(self) -> dict[str, Any]:
        """Everything there is, for comparing."""
        return store.world(self, self.control)

    # ------------------------------------------------------------ who may do what

    def pool_paths(self) -> dict[str, list[str]]:
        """Pool -> the paths of its members."""
        found = {
            name: [f"/vms/{vmid}" for vmid in sorted(members)]
            for name, members in self.pools.items()
        }
        for name, info in self.pool_info.items():
            found.setdefault(name, []).extend(f"/storage/{sid}" for sid in sorted(info["storage"]))
        return found

    def allowed(self, user: str, path: str, priv: str) -> bool:
        """Whether the user or token holds the privilege (or one of `A|B`) on the path."""
        return self.permissions.has(user, path, priv)

    def check_permissions(
        self, user: str | None, perms: Any, values: dict[str, Any], declared: Any = None
    ) -> None:
        """The schema's rule for a method."""
        del declared
        self.permissions.check_method(user, perms, values)

    def _config_priv(self, key: str) -> str:
        return option_privilege(key)

    def _authenticate(self, request: web.Request) -> str | None:
        header = request.headers.get("Authorization", "")
        if not header.startswith("PVEAPIToken="):
            user: str | None = super()._authenticate(request)
            if user is not None and not self.control.is_enabled(user, time.time()):
                raise unauthorized("permission denied - invalid PVE ticket")
            return user
        name, _, secret = header.removeprefix("PVEAPIToken=").partition("=")
        if not self.control.check_token(name, secret, time.time()):
            raise unauthorized("no such token or wrong value")
        return name

    def check_password(self, user: str, password: str) -> bool:
        """Whether the user is enabled and it is their password."""
        enabled = self.control.is_enabled(user, time.time())
        return enabled and self.control.check_password(user, password)

    async def _password(self, request: web.Request) -> web.Response:
        response: web.Response = await super()._password(request)
        values = await params(request)
        self.control.set_password(str(values["userid"]), str(values["password"]))
        self.users.clear()  # fakepve's own copy
        return response

    def _pool_leave(self, vmid: int) -> None:
        super()._pool_leave(vmid)
        self.control.forget_path(f"/vms/{vmid}")

    # -------------------------------------------------------------------- routes

    def _routes_access(self) -> Table:
        return self._access.table()

    def _routes_lab(self) -> Table:
        one = "/nodes/{node}/qemu/{vmid}"
        return [
            *self._node_routes.table(),
            ("PUT", f"{one}/resize", self._resize),
            ("PUT", f"{one}/cloudinit", self._cloudinit),
            ("PUT", f"{one}/unlink", self._unlink),
        ]

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> Any:
        if request.path.startswith("/-/"):
            return await handler(request)
        if request.path.endswith("/"):
            request, handler = await unslashed(request)
        try:
            return await super()._middleware(request, handler)
        except ConnectionResetError:  # a dropped connection is a fault, not a bug to log
            return web.Response(status=499)
        finally:
            if request.method not in {"GET", "HEAD"}:
                self.save()

    # ------------------------------------------------------------- configuration

    async def _config_get(self, request: web.Request) -> web.Response:
        """`load_current_config`: with pending changes applied, unless `current` is asked for."""
        values = self._verify(request, await params(request))
        vm = self._vm(request, "VM.Audit")
        config = dict(vm.config)
        for key, value in {} if values.get("current") else vm.pending.items():
            if value is None:
                config.pop(key, None)
            else:
                config[key] = value
        if "memory" in config:
            config["memory"] = str(config["memory"])
        if "cipassword" in config:
            config["cipassword"] = "*" * 10
        response: web.Response = ok({**config, "digest": vm.digest()})
        return response

    async def _config_put(self, request: web.Request) -> web.Response:
        values, vm = await self._config_request(request)
        await self.guests.update(vm, request[USER], values)
        await self._changed(vm)
        response: web.Response = ok()
        return response

    async def _config_post(self, request: web.Request) -> web.Response:
        values, vm = await self._config_request(request)
        user = request[USER]

        async def work() -> None:
            try:
                await self.guests.update(vm, user, values)
            except PveError as error:
                raise TaskError(error.message) from error
            await self.power.changed(vm)

        response: web.Response = ok(await self.task(vm.node, "qmconfig", vm.vmid, user, work))
        return response

    async def _config_request(self, request: web.Request) -> tuple[dict[str, Any], Any]:
        values = self._verify(request, await params(request))
        rule = self.resolve(request, API).methods[request.method].get("permissions")
        self.permissions.check_method(request[USER], rule, values)
        return values, self._vm(request)

    async def _changed(self, vm: Any) -> None:
        try:
            await self.power.changed(vm)
        except TaskError as error:
            raise died(str(error)) from error

    @asynccontextmanager
    async def config_lock(self, vm: Any) -> AsyncIterator[None]:
        """Hold the lock of a guest's configuration file."""
        try:
            await self.acquire(vm, "config")
        except TaskError as error:
            raise died(str(error)) from error
        try:
            yield
        finally:
            self.release(vm, "config")

    async def _resize(self, v: dict[str, Any], user: str) -> Any:
        vm = self.find(v["node"], v["vmid"])

        async def work() -> None:
            try:
                self.guests.resize(vm, user, v)
            except PveError as error:
                raise TaskError(error.message) from error
            await self.power.changed(vm)

        return await self.task(vm.node, "resize", vm.vmid, user, work, vm=vm)

    async def _cloudinit(self, v: dict[str, Any], _user: str) -> None:
        """Regenerate the cloud-init drive: the running machine sees it at its next boot."""
        vm = self.find(v["node"], v["vmid"])
        self._check_lock(vm)
        await self._changed(vm)

    async def _unlink(self, v: dict[str, Any], user: str) -> None:
        """Take drives off: an update that deletes; with `force` their own volumes are freed."""
        vm = self.find(v["node"], v["vmid"])
        await self.guests.update(vm, user, {"delete": v["idlist"], "force": v.get("force")})
        await self._changed(vm)

    # ------------------------------------------------------------------- volumes

    def _qm_check_drive(self, user: str, vmid: int, pool: Any, key: str, *rest: Any) -> None:
        self.volumes.check_import(user, vmid, key, str(rest[0]))
        super()._qm_check_drive(user, vmid, pool, key, *rest)

    def check_plain_drive(self, user: str, vmid: int, key: str, value: str) -> None:
        """fakepve's own check of a drive."""
        super()._qm_check_drive(user, vmid, None, key, value, None)

    def _qm_new_drive(
        self, vmid: int, key: str, value: str, default: str | None
    ) -> tuple[str, list[str]]:
        vm = self.vm(vmid)
        return self.volumes.new_drive(vmid, vm.config if vm else {}, key, value, default)

    def plain_new_drive(
        self, vmid: int, key: str, value: str, default: str | None
    ) -> tuple[str, list[str]]:
        """fakepve's own allocation of a drive."""
        made: tuple[str, list[str]] = super()._qm_new_drive(vmid, key, value, default)
        return made

    def allocate(self, sid: str, vmid: int, wanted: str | None, size: int) -> tuple[str, str]:
        """A new volume: (volume id, format)."""
        if sid not in self.storages:
            raise died(f"storage '{sid}' does not exist")
        made: tuple[str, str] = self._qm_alloc(sid, vmid, wanted, size)
        return made

    def release_volume(self, volume: str) -> None:
        """Free a volume and give its space back."""
        self._qm_free(Drive.parse(volume).volume)

    def take_space(self, storage: str | None, size: int) -> None:
        """Use bytes of a storage, or refuse as a full one does."""
        kept = self.storages.get(storage, {})
        if size > kept.get("avail", size):
            raise died(f"unable to write to storage '{storage}': No space left on device")
        if "avail" in kept:
            kept["avail"] -= size

    def active_store(self, sid: str, node: str) -> Any:
        """The storage, or why the node cannot use it."""
        return self._active_store(sid, node)

    async def _content_delete(self, v: dict[str, Any], user: str) -> Any:
        volume = v["volume"] if ":" in v["volume"] else f"{v['storage']}:{v['volume']}"
        for vm in self.vms:
            used = {Drive.parse(str(value)).volume for value in vm.config.values()}
            if vm.status == "running" and volume in used:
                raise died(f"cannot destroy '{volume}': dataset is busy")
        return await super()._content_delete(v, user)

    async def _sc_delete(self, v: dict[str, Any], user: str) -> Any:
        done = await super()._sc_delete(v, user)
        self.control.forget_path(f"/storage/{v['storage']}")
        return done

    async def _pool_delete(self, v: dict[str, Any], user: str) -> Any:
        done = await super()._pool_delete(v, user)
        self.control.forget_path(f"/pool/{v['poolid']}")
        return done

    async def _download_url(self, request: web.Request) -> web.Response:
        match = request[GENERIC] or self.resolve(request, API)

        async def call(_match: Any, values: dict[str, Any]) -> Any:
            return await self._node_routes.download(values, request[USER])

        data = await self.answer(request, match, await params(request), request[USER], call)
        response: web.Response = ok(data)
        return response

    # --------------------------------------------------------------------- power

    async def _qm_create(self, v: dict[str, Any], user: str) -> Any:
        for bridge in _bridges_of(v):
            self.permissions.check_bridge(user, bridge)
        return await super()._qm_create(v, user)

    async def task(
        self, node: str, ttype: str, tid: Any, user: str, *body: Any, vm: Any = None, **options: Any
    ) -> str:
        """A worker task; those of a guest's power carry the machine along."""

        async def work() -> Any:
            try:
                if vm is not None:
                    self.power.before(ttype, vm)
                note = await body[0]()
                if vm is not None:
                    await self.power.after(ttype, vm)
                return note
            finally:
                self.save()

        upid: str = await super().task(node, ttype, tid, user, work, vm=vm, **options)
        return upid

    async def _status_current(self, request: web.Request) -> web.Response:
        await self.power.observe(self._vm(request, "VM.Audit"))
        response: web.Response = await super()._status_current(request)
        return response

    async def _qemu_list(self, request: web.Request) -> web.Response:
        for vm in self.vms:
            await self.power.observe(vm)
        response: web.Response = await super()._qemu_list(request)
        return response

    async def _agent_call(self, match: Any, values: dict[str, Any]) -> Any:
        vm = self.find(values["node"], values["vmid"])
        enabled = str(vm.config.get("agent", "0")).split(",")[0].removeprefix("enabled=")
        if enabled != "1":
            raise died("No QEMU guest agent configured")
        if vm.status != "running":
            raise died(f"VM {vm.vmid} is not running")
        vm.agent = await self.power.agent(vm)
        return await super()._agent_call(match, values)


def _bridges_of(values: dict[str, Any]) -> list[str]:
    nets = [str(value) for key, value in values.items() if key.startswith("net")]
    parts = [part.partition("=") for net in nets for part in net.split(",")]
    return [value for key, _, value in parts if key == "bridge"]


__all__ = ["ROOT", "AccessControl", "LabPve"]


async def unslashed(request: web.Request) -> tuple[web.Request, Any]:
    """The request without its trailing slash, and who handles that.

    Proxmox VE does not mind one, and bpg's provider sends one: it deletes a VM at `/qemu/101/`.
    """
    plain = request.clone(rel_url=request.rel_url.with_path(request.path.rstrip("/")))
    found = await request.app.router.resolve(plain)
    found.add_app(request.app)
    found.freeze()
    plain._match_info = found  # noqa: SLF001 - aiohttp resolves before middlewares, and offers no other way
    return plain, found.handler
