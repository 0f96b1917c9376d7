"""The DNS layer: how the cluster's names come to resolve.

A parent zone that a person keeps gets its records printed and looked for. Zone transfers to the
public secondary are signed with a TSIG key of the cluster's own. The delegation stands outside the
cluster, so a destroy tells what has become superfluous there; the rest goes with the cluster.
"""

from base64 import b64encode
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi import Output, ResourceOptions

from components import hearth, kubernetes
from components.naming import child, token
from config.services import Delegation

# 62 letters and digits give 5.9 bits each: together more than the 256 the algorithm uses.
TSIG_CHARACTERS = 48
TSIG_ALGORITHM = "hmac-sha256"
NAMESPACE = "powerdns"
TRANSFER_SECRET = "tsig"  # noqa: S105 (a name)


@dataclass(frozen=True, kw_only=True)
class DelegatedZoneArgs:
    """The zone that is delegated to the cluster, how, and the cluster it is served from.

    `life` is what the objects in the cluster go with.
    """

    zone: str
    delegation: Delegation
    life: hearth.Anchor
    hearth: hearth.Provider


class DelegatedZone(pulumi.ComponentResource):
    """A sub-zone served from the cluster: the parent's records, and the key for transfers."""

    records: Output[list[str]]
    transfer_key: Output[str]

    def __init__(
        self, name: str, args: DelegatedZoneArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(token("dns", "DelegatedZone"), name, None, opts)
        delegation = hearth.Delegation(
            child(name, "delegation"),
            zone=args.zone,
            nameserver=args.delegation.nameserver,
            address=str(args.delegation.secondary),
            opts=ResourceOptions(parent=self, provider=args.hearth),
        )
        self.records = delegation.records.apply(list)
        # Not RandomBytes: its id is the secret itself, and ids stand in the state in clear.
        key = random.RandomPassword(
            child(name, "transfer-key"),
            length=TSIG_CHARACTERS,
            special=False,
            opts=ResourceOptions(
                parent=self,
                provider=random.Provider(child(name, "random"), opts=ResourceOptions(parent=self)),
            ),
        )
        self.transfer_key = Output.secret(key.result.apply(encoded))
        inside = ResourceOptions(parent=self, deleted_with=args.life)
        namespace = kubernetes.Namespace(
            child(name, "namespace"), metadata={"name": NAMESPACE}, opts=inside
        )
        kubernetes.Secret(
            child(name, TRANSFER_SECRET),
            metadata={"name": TRANSFER_SECRET, "namespace": namespace.metadata["name"]},
            string_data={
                "name": f"{args.zone.split('.')[0]}-transfer",
                "algorithm": TSIG_ALGORITHM,
                "secret": self.transfer_key,
                # A second line only: source NAT hides the secondary behind a node's address.
                "transferFrom": str(args.delegation.transfer_from),
            },
            opts=inside,
        )
        self.register_outputs({"records": self.records})


def encoded(secret: str) -> str:
    """A TSIG secret as name servers want it."""
    return b64encode(secret.encode()).decode()
