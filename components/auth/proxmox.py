"""The auth layer: explicit providers, and the storage driver's own access to Proxmox VE.

Default providers are off, so nothing can reach a real API through ambient credentials. Making
roles, users and access entries needs near-root rights; they are a credential of their own, used
here and nowhere else. Everyday runs go without it: what exists already needs no visit, and whatever
would is refused by name. Then the state does not hold the credential either.
"""

from dataclasses import dataclass

import pulumi
import pulumi_proxmoxve as pve
from pulumi import Input, Output, ResourceOptions

from components import hearth
from components.auth import absent
from components.naming import child, token
from config import naming
from config.proxmox import Proxmox
from config.services import ProxmoxCsi

# What the driver's documentation asks for, and no more: `VM.*` would let a pod's token delete any
# machine (sergelogvinov/proxmox-csi-plugin, docs/install.md).
CSI_PRIVILEGES = (
    "VM.Audit",
    "VM.Config.Disk",
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.Audit",
)


@dataclass(frozen=True, kw_only=True)
class AuthArgs:
    """Where Proxmox VE is, and both credentials: everyday token, and who may grant rights.

    That one is None in a run that grants nothing. Cloudflare's token is our own provider's.
    """

    stack: str
    proxmox: Proxmox
    csi: ProxmoxCsi | None
    token: Input[str]
    admin_username: Input[str] | None
    admin_password: Input[str] | None
    cloudflare_token: Input[str] | None = None


class Auth(pulumi.ComponentResource):
    """Providers for the layers below, the stack's pool, and the storage driver's token."""

    proxmox: pve.Provider
    hearth: hearth.Provider
    pool: Output[str]
    csi_token: Output[str] | None

    def __init__(self, name: str, args: AuthArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("auth", "Auth"), name, None, opts)
        here = ResourceOptions(parent=self)
        self.proxmox = pve.Provider(
            child(name, "proxmox"),
            endpoint=args.proxmox.endpoint,
            api_token=args.token,
            insecure=args.proxmox.insecure,
            opts=here,
        )
        self.hearth = hearth.Provider(
            child(name, "hearth"),
            proxmox_endpoint=args.proxmox.endpoint,
            proxmox_token=args.token,
            proxmox_insecure=args.proxmox.insecure,
            cloudflare_token=args.cloudflare_token,
            opts=here,
        )
        admin = pve.Provider(
            child(name, "admin"),
            endpoint=args.proxmox.endpoint,
            username=absent.LOGIN if args.admin_username is None else args.admin_username,
            password=absent.LOGIN if args.admin_password is None else args.admin_password,
            insecure=args.proxmox.insecure,
            opts=here,
        )
        granting = ResourceOptions(
            parent=self,
            provider=admin,
            hooks=(
                absent.refusing(child(name, "without-admin"), args.stack)
                if args.admin_username is None
                else None
            ),
        )
        pool = pve.PoolLegacy(
            child(name, "pool"),
            pool_id=args.proxmox.pool,
            comment=f"Machines of the cluster {args.stack}",
            opts=granting,
        )
        self.pool = pool.pool_id
        self.csi_token = self._grant_csi(name, args, granting) if args.csi else None
        self.register_outputs({"pool": self.pool})

    def _grant_csi(self, name: str, args: AuthArgs, granting: ResourceOptions) -> Output[str]:
        """Role, user and token of the storage driver, on the stack's pool and datastore only."""
        csi = args.csi
        role = pve.RoleLegacy(
            child(name, "csi-role"),
            role_id=naming.csi_role(args.stack),
            privileges=sorted(CSI_PRIVILEGES),
            opts=granting,
        )
        user = pve.UserLegacy(
            child(name, "csi-user"),
            user_id=naming.csi_user(args.stack),
            comment=f"Storage driver of the cluster {args.stack}",
            enabled=True,
            opts=granting,
        )
        paths = {"pool": self.pool.apply(lambda pool: f"/pool/{pool}")}
        if csi:
            paths["datastore"] = Output.from_input(f"/storage/{csi.datastore}")
        for what, path in paths.items():
            pve.Acl(
                child(name, "csi-acl", what),
                path=path,
                role_id=role.role_id,
                user_id=user.user_id,
                propagate=True,
                opts=granting,
            )
        csi_token = pve.user.Token(
            child(name, "csi-token"),
            user_id=user.user_id,
            token_name=naming.csi_token(args.stack),
            comment=f"Storage driver of the cluster {args.stack}",
            # The user has nothing but the role above, so the token needs no second set of entries.
            privileges_separation=False,
            opts=granting,
        )
        value: Output[str] = csi_token.value
        return value
