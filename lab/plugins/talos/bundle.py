"""Talos' secrets bundle, in the spelling of talosctl's file and in that of the provider. Pure.

The provider's: camelCase, certificates as `cert` and `key`, sensitive leaves wrapped one by one.
Both hold PEM in base64.
"""

from collections.abc import Mapping
from typing import Any, Final

from provider.rpc import Properties, Secret

_PAIRS: Final = {"etcd": "etcd", "k8s": "k8s", "k8saggregator": "k8sAggregator", "os": "os"}
_TOKENS: Final = {
    "bootstraptoken": "bootstrapToken",
    "secretboxencryptionsecret": "secretboxEncryptionSecret",
    "aescbcencryptionsecret": "aescbcEncryptionSecret",
}


def to_properties(bundle: Mapping[str, Any]) -> Properties:
    """talosctl's bundle as the output `machineSecrets`."""
    certs: Properties = {
        name: {"cert": bundle["certs"][key]["crt"], "key": Secret(bundle["certs"][key]["key"])}
        for key, name in _PAIRS.items()
    }
    certs["k8sServiceaccount"] = {"key": Secret(bundle["certs"]["k8sserviceaccount"]["key"])}
    return {
        "cluster": {
            "id": bundle["cluster"]["id"],
            "secret": Secret(bundle["cluster"]["secret"]),
        },
        "secrets": {
            name: Secret(bundle["secrets"][key])
            for key, name in _TOKENS.items()
            if bundle["secrets"].get(key)
        },
        "trustdinfo": {"token": Secret(bundle["trustdinfo"]["token"])},
        "certs": certs,
    }


def from_properties(secrets: Mapping[str, Any]) -> dict[str, Any]:
    """Plain `machineSecrets` as talosctl's bundle."""
    certs: dict[str, Any] = {
        key: {"crt": secrets["certs"][name]["cert"], "key": secrets["certs"][name]["key"]}
        for key, name in _PAIRS.items()
    }
    certs["k8sserviceaccount"] = {"key": secrets["certs"]["k8sServiceaccount"]["key"]}
    return {
        "cluster": dict(secrets["cluster"]),
        "secrets": {
            key: secrets["secrets"][name]
            for key, name in _TOKENS.items()
            if secrets["secrets"].get(name)
        },
        "trustdinfo": dict(secrets["trustdinfo"]),
        "certs": certs,
    }


def talosconfig(
    context: str,
    client: Mapping[str, str],
    endpoints: list[str] | None = None,
    nodes: list[str] | None = None,
) -> dict[str, Any]:
    """A talosconfig with one context, from plain `clientConfiguration`."""
    entry: dict[str, Any] = {"endpoints": endpoints or []}
    if nodes:
        entry["nodes"] = nodes
    entry |= {
        "ca": client["caCertificate"],
        "crt": client["clientCertificate"],
        "key": client["clientKey"],
    }
    return {"context": context, "contexts": {context: entry}}


def client_configuration(config: Mapping[str, Any]) -> Properties:
    """The output `clientConfiguration` out of a talosconfig."""
    entry = config["contexts"][config["context"]]
    return {
        "caCertificate": entry["ca"],
        "clientCertificate": entry["crt"],
        "clientKey": Secret(entry["key"]),
    }
