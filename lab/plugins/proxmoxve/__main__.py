"""The plugin `pulumi-resource-proxmoxve`: what it offers, by token."""

from __future__ import annotations

from lab.plugins import sdk
from lab.plugins.proxmoxve import functions
from lab.plugins.proxmoxve.access import Pool, Role, User
from lab.plugins.proxmoxve.file import File
from lab.plugins.proxmoxve.rights import Acl, Token
from lab.plugins.proxmoxve.session import Session, check_config
from lab.plugins.proxmoxve.vm import Vm
from provider.rpc import Diff, Kind, Plugin, Properties, plain, serve
from provider.rpc.wire import same


def diff_config(olds: Properties, news: Properties) -> Diff:
    """Another endpoint or credential is used from now on; it replaces nothing."""
    old, new = plain(olds), plain(news)
    changed = {key for key in {*old, *new} if not same(old.get(key), new.get(key))}
    return Diff(detailed=dict.fromkeys(sorted(changed), Kind.UPDATE), changes=bool(changed))


def plugin(session: Session | None = None) -> Plugin:
    """The plugin as data."""
    api = session or Session()
    return Plugin(
        name="proxmoxve",
        version=sdk.provider_version("pulumi_proxmoxve"),
        resources={
            "proxmoxve:index/vmLegacy:VmLegacy": Vm(api),
            "proxmoxve:download/file:File": File(api),
            "proxmoxve:index/roleLegacy:RoleLegacy": Role(api),
            "proxmoxve:index/userLegacy:UserLegacy": User(api),
            "proxmoxve:user/token:Token": Token(api),
            "proxmoxve:index/acl:Acl": Acl(api),
            "proxmoxve:index/poolLegacy:PoolLegacy": Pool(api),
        },
        functions={
            "proxmoxve:index/getVersion:getVersion": functions.version(api),
            "proxmoxve:index/getDatastores:getDatastores": functions.datastores(api),
        },
        configure=api.configure,
        check_config=check_config,
        diff_config=diff_config,
    )


def main() -> None:
    """Serve the engine that started us."""
    serve(plugin())
