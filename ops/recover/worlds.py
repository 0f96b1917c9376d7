"""Which vendor is asked about a cut-off create, and with what: reached only when it has to be.

Credentials are the stack's own, read when the first question needs them, and kept in memory.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ops.engine import Engine
from ops.errors import VerbError
from ops.recover import state
from ops.recover.findings import Finding, cleared, left
from ops.recover.table import Vendor, row_of

if TYPE_CHECKING:
    from ops.recover.cloudflare import Cloudflare
    from ops.recover.kubernetes import Cluster
    from ops.recover.proxmox import Proxmox

KUBECONFIG = "talos:cluster/kubeconfig:Kubeconfig"


class Worlds:
    """The vendors of one stack; `facts` are its raw `hearth:cluster`."""

    def __init__(self, engine: Engine, facts: object) -> None:
        self._engine = engine
        self._facts: Mapping[str, Any] = facts if isinstance(facts, Mapping) else {}

    def judge(self, item: state.Pending, *, known: bool) -> Finding:
        """What became of a create; `known` when the state has the resource all the same."""
        row = row_of(item.kind)
        if known:
            return cleared("a later run has made it")
        if row is None:
            return left(
                f"recover knows nothing of {item.kind}: look whether it was made; `pulumi refresh` "
                "on a terminal asks what to do with it"
            )
        if row.asks is None:
            return cleared(row.then.removeprefix("cleared: "))
        clear = self._in_clear[item.urn]
        try:
            return self._ask(row.asks, item.kind, clear.inputs)
        except VerbError as error:
            return left(str(error).removesuffix("."))

    def _ask(self, vendor: Vendor, kind: str, inputs: Mapping[str, Any]) -> Finding:
        if vendor is Vendor.PROXMOX:
            return self._proxmox.judge(kind, inputs)
        if vendor is Vendor.CLOUDFLARE:
            return self._cloudflare.judge(kind, inputs)
        return self._cluster.judge(kind, inputs)

    @cached_property
    def _document(self) -> state.Document:
        return self._engine.export(clear=True)

    @cached_property
    def _in_clear(self) -> dict[str, state.Pending]:
        operations = state.pending(self._document)
        return {item.urn: item for item in operations if item.operation == state.CREATING}

    @cached_property
    def _proxmox(self) -> "Proxmox":
        from ops.recover.proxmox import Proxmox  # noqa: PLC0415 (a client takes half a second)

        facts = self._facts.get("proxmox")
        if not isinstance(facts, Mapping):
            raise VerbError("the stack's facts name no Proxmox VE to ask.")
        return Proxmox(facts, self._engine.secrets())

    @cached_property
    def _cloudflare(self) -> "Cloudflare":
        from ops.recover.cloudflare import Cloudflare  # noqa: PLC0415 (as above)

        return Cloudflare(self._engine.secrets())

    @cached_property
    def _cluster(self) -> "Cluster":
        from ops.recover.kubernetes import Cluster  # noqa: PLC0415 (as above)

        kubeconfig = state.output(self._document, KUBECONFIG, "kubeconfigRaw")
        if kubeconfig is None:
            raise VerbError("the state holds no kubeconfig to ask the cluster with.")
        return Cluster(kubeconfig)
