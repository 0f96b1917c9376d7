"""Kubeconfigs: which cluster is meant, with which credentials, and whether it is another one.

Contents or a path, as the vendor's plugin takes them. Credentials that run a program (`exec`,
`auth-provider`) are not supported: no cluster of ours has them, and the error says so.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class KubeconfigError(ValueError):
    """The kubeconfig cannot be used; the text says which part of it."""


@dataclass(frozen=True)
class Cluster:
    """What is needed to speak with one API server; every `*_data` is decoded."""

    server: str
    namespace: str = ""
    ca: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    token: str | None = None
    username: str | None = None
    password: str | None = None
    insecure: bool = False

    def __repr__(self) -> str:
        return f"Cluster({self.server})"  # credentials have no business in a log line


def read(path_or_contents: str) -> dict[str, Any]:
    """The kubeconfig as data. `KubeconfigError` when it is neither a file nor a YAML map."""
    text = path_or_contents
    if "\n" not in text and len(text) < 4096:
        path = Path(text).expanduser()
        if path.is_file():
            text = path.read_text()
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KubeconfigError(f"couldn't get version/kind; json parse error: {error}") from error
    if not isinstance(loaded, dict):
        raise KubeconfigError(
            "couldn't get version/kind; json parse error: cannot unmarshal "
            f"{type(loaded).__name__} into a kubeconfig"
        )
    return loaded


def ambient() -> str | None:
    """The kubeconfig that kubectl would take: $KUBECONFIG, else ~/.kube/config, else none."""
    if named := os.environ.get("KUBECONFIG"):
        return named.split(os.pathsep)[0]
    default = Path.home() / ".kube" / "config"
    return str(default) if default.is_file() else None


def _named(config: dict[str, Any], section: str, name: str) -> dict[str, Any] | None:
    for entry in config.get(section) or []:
        if entry.get("name") == name:
            found = entry.get(section.removesuffix("s"))
            return found if isinstance(found, dict) else {}
    return None


def active_cluster(
    config: dict[str, Any], context: str | None = None, cluster: str | None = None
) -> dict[str, Any] | None:
    """The cluster entry in use, with the provider's overrides; None when it cannot be told."""
    if not config.get("clusters"):
        return None
    chosen = _named(config, "contexts", context or str(config.get("current-context", "")))
    if chosen is None:
        return None
    return _named(config, "clusters", cluster or str(chosen.get("cluster", "")))


def _bytes(entry: dict[str, Any], key: str) -> bytes | None:
    if data := entry.get(f"{key}-data"):
        return base64.b64decode(data)
    if path := entry.get(key):
        return Path(path).expanduser().read_bytes()
    return None


def _token(user: dict[str, Any]) -> str | None:
    if path := user.get("tokenFile"):
        return Path(path).expanduser().read_text().strip()
    return user.get("token")


def connect(
    config: dict[str, Any],
    *,
    context: str | None = None,
    cluster: str | None = None,
    namespace: str | None = None,
) -> Cluster:
    """The cluster of the (overridden) current context. `KubeconfigError` names what is missing."""
    name = context or str(config.get("current-context") or "")
    chosen = _named(config, "contexts", name)
    if chosen is None:
        raise KubeconfigError(
            f'context "{name}" does not exist'
            if name
            else "invalid configuration: no "
            "configuration has been provided, try setting KUBERNETES_MASTER environment variable"
        )
    entry = _named(config, "clusters", cluster or str(chosen.get("cluster", "")))
    if entry is None or not entry.get("server"):
        raise KubeconfigError(f'no server found for cluster "{cluster or chosen.get("cluster")}"')
    user = _named(config, "users", str(chosen.get("user", ""))) or {}
    if "exec" in user or "auth-provider" in user:
        raise KubeconfigError(f'user "{chosen.get("user")}" has credentials that run a program')
    try:
        return Cluster(
            server=str(entry["server"]).rstrip("/"),
            namespace=namespace or str(chosen.get("namespace") or ""),
            ca=_bytes(entry, "certificate-authority"),
            certificate=_bytes(user, "client-certificate"),
            key=_bytes(user, "client-key"),
            token=_token(user),
            username=user.get("username"),
            password=user.get("password"),
            insecure=bool(entry.get("insecure-skip-tls-verify")),
        )
    except (OSError, ValueError) as error:
        raise KubeconfigError(f"invalid configuration: {error}") from error
