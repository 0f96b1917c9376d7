"""How a status gets in: credentials out of the stack's state, in memory, shown to nobody."""

from dataclasses import dataclass
from typing import Any

from ops.errors import VerbError
from ops.recover import state
from provider.talosctl import Credentials

KUBECONFIG = "talos:cluster/kubeconfig:Kubeconfig"
SECRETS = "talos:machine/secrets:Secrets"
SCHEMATIC = "talos:imageFactory/schematic:Schematic"


@dataclass(frozen=True, kw_only=True, repr=False)
class Access:
    """What the state holds; what it does not hold is None."""

    kubeconfig: str | None
    credentials: Credentials | None
    schematic: str | None

    def cluster(self) -> str:
        """The admin kubeconfig; VerbError without one."""
        if self.kubeconfig is None:
            raise VerbError("the state holds no kubeconfig: `pulumi up` makes the cluster")
        return self.kubeconfig

    def machines(self) -> Credentials:
        """A client of the machines; VerbError without one."""
        if self.credentials is None:
            raise VerbError("the state holds no Talos secrets: `pulumi up` makes the cluster")
        return self.credentials


def access(document: state.Document) -> Access:
    """From a state in clear."""
    client = one(document, SECRETS, "clientConfiguration")
    return Access(
        kubeconfig=one(document, KUBECONFIG, "kubeconfigRaw"),
        credentials=Credentials.of(client) if client else None,
        schematic=next((str(item["id"]) for item in made(document, SCHEMATIC)), None),
    )


def one(document: state.Document, kind: str, name: str) -> Any:
    """An output of the only resource of a type, None when there is none."""
    found = (state.plain((item.get("outputs") or {}).get(name)) for item in made(document, kind))
    return next((value for value in found if value), None)


def made(document: state.Document, kind: str) -> list[dict[str, Any]]:
    """The resources of a type."""
    return [
        item
        for item in document["deployment"].get("resources") or []
        if item["type"] == kind and item.get("id")
    ]
