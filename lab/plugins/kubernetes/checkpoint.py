"""What the state holds of an object: the live object, its inputs, who manages its fields.

Also what is secret in it: everything that was secret in the inputs, and always a Secret's data.
Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.plugins.kubernetes.objects import Object, to_kubernetes, to_pulumi
from provider.rpc.wire import Properties, Secret, has_secret, plain, secret

_INPUTS, _API_VERSION, _MANAGER = "__inputs", "__initialApiVersion", "__fieldManager"


def seal(outs: Properties, ins: Any) -> Properties:
    """`outs` with everything wrapped that is wrapped in `ins`, and a Secret's data in any case.

    Maps are followed key by key so that one secret does not hide a whole object; a list with one
    secret in it is hidden as a whole, because a list may come back in another order.
    """
    source = ins.value if isinstance(ins, Secret) else ins
    sealed = dict(outs)
    if outs.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in sealed:
                sealed[key] = secret(plain(sealed[key]))
        return sealed
    if not isinstance(source, dict):
        return sealed
    for key, value in source.items():
        if key not in sealed or isinstance(sealed[key], Secret):
            continue
        if isinstance(value, dict) and isinstance(sealed[key], dict):
            sealed[key] = seal(sealed[key], value)
        elif has_secret(value):
            sealed[key] = Secret(sealed[key])
    return sealed


@dataclass
class Checkpoint:
    """An object's state, without wrappers and with Kubernetes' own field names."""

    inputs: Object
    live: Object
    initial_api_version: str | None
    manager: str | None

    def sealed(self, ins: Properties) -> Properties:
        """As the engine stores it; `ins` says what is secret."""
        return {
            **seal(to_pulumi(self.live), ins),
            _INPUTS: seal(to_pulumi(self.inputs), ins),
            _API_VERSION: self.initial_api_version,
            _MANAGER: self.manager,
        }


def unseal(state: Properties) -> Checkpoint:
    """The inverse of `Checkpoint.sealed`; an empty state gives an empty checkpoint."""
    live = to_kubernetes(plain(state))
    inputs = live.pop(_INPUTS, None)
    api_version, manager = live.pop(_API_VERSION, None), live.pop(_MANAGER, None)
    return Checkpoint(inputs if isinstance(inputs, dict) else {}, live, api_version, manager)
