"""The DNS layer: how the cluster's names come to resolve.

A parent zone that a person keeps gets its records printed and looked for. Zone transfers to the
public secondary are signed with a TSIG key of the cluster's own, and who writes records gets a key
of the name server's API. The delegation stands outside the cluster, so a destroy tells what has
become superfluous there; the rest goes with the cluster. The name server itself is the tree's.
"""

from base64 import b64encode
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi import Input, Output, ResourceOptions

from components import hearth, kubernetes, namespaces
from components.naming import child, token
from config.services import Delegation

# 62 letters and digits give 5.9 bits each: together more than the 256 the algorithm uses.
KEY_CHARACTERS = 48
TSIG_ALGORITHM = "hmac-sha256"
NAMESPACE = "powerdns"
TRANSFER_SECRET = "tsig"  # noqa: S105 (a name)
API_SECRET, API_KEY = "powerdns-api", "api-key"


@dataclass(frozen=True, kw_only=True)
class DelegatedZoneArgs:
    """The zone that is delegated to the cluster, how, and the cluster it is served from.

    `writers` are the namespaces of those who write records. `life` is what the objects in the
    cluster go with.
    """

    zone: str
    delegation: Delegation
    writers: tuple[str, ...]
    life: hearth.Anchor
    hearth: hearth.Provider


class DelegatedZone(pulumi.ComponentResource):
    """A sub-zone served from the cluster: the parent's records, and the keys that it takes.

    `keys` are the Secrets inside, for whom it matters that they are there.
    """

    records: Output[list[str]]
    transfer_key: Output[str]
    keys: tuple[pulumi.Resource, ...]

    def __init__(
        self, name: str, args: DelegatedZoneArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(token("dns", "DelegatedZone"), name, None, opts)
        self._name = name
        here = ResourceOptions(parent=self)
        delegation = hearth.Delegation(
            child(name, "delegation"),
            zone=args.zone,
            nameserver=args.delegation.nameserver,
            address=str(args.delegation.secondary),
            opts=ResourceOptions(parent=self, provider=args.hearth),
        )
        self.records = delegation.records.apply(list)
        self._random = random.Provider(child(name, "random"), opts=here)
        self.transfer_key = Output.secret(self._key("transfer-key").apply(encoded))
        api_key = self._key("api-key")
        self._inside = ResourceOptions(parent=self, deleted_with=args.life)
        namespace = self._namespace(child(name, "namespace"), NAMESPACE)
        transfer = kubernetes.Secret(
            child(name, TRANSFER_SECRET),
            metadata={"name": TRANSFER_SECRET, "namespace": namespace},
            string_data={
                "name": f"{args.zone.split('.')[0]}-transfer",
                "algorithm": TSIG_ALGORITHM,
                "secret": self.transfer_key,
                # A second line only: source NAT hides the secondary behind a node's address.
                "transferFrom": str(args.delegation.transfer_from),
            },
            opts=self._inside,
        )
        own = self._api_secret(child(name, "api"), namespace, api_key)
        handed = (
            self._api_secret(child(name, "api", writer), made, api_key)
            for writer in args.writers
            for made in [self._namespace(child(name, "namespace", writer), writer)]
        )
        self.keys = (transfer, own, *handed)
        self.register_outputs({"records": self.records})

    def _key(self, what: str) -> Output[str]:
        """A key of letters and digits.

        Not RandomBytes: its id is the secret itself, and ids stand in the state in clear.
        """
        made = random.RandomPassword(
            child(self._name, what),
            length=KEY_CHARACTERS,
            special=False,
            opts=ResourceOptions(parent=self, provider=self._random),
        )
        return Output.secret(made.result)

    def _namespace(self, name: str, namespace: str) -> Output[str]:
        made = kubernetes.Namespace(
            name, metadata=namespaces.metadata(namespace), opts=self._inside
        )
        found: Output[str] = made.metadata["name"]
        return found

    def _api_secret(self, name: str, namespace: Input[str], key: Input[str]) -> pulumi.Resource:
        """What the name server lets a writer in with."""
        return kubernetes.Secret(
            name,
            metadata={"name": API_SECRET, "namespace": namespace},
            string_data={API_KEY: key},
            opts=self._inside,
        )


def encoded(secret: str) -> str:
    """A TSIG secret as name servers want it."""
    return b64encode(secret.encode()).decode()
