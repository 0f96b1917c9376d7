"""The plugin `pulumi-resource-kubernetes`: what it offers, by token."""

from __future__ import annotations

from lab.plugins import sdk
from lab.plugins.kubernetes import kinds, session
from lab.plugins.kubernetes.release import Release
from lab.plugins.kubernetes.resource import KubernetesObject
from lab.plugins.kubernetes.session import Session
from provider.rpc import Plugin, Properties, Refused, Resource, serve


class Configured:
    """Holds the session between Configure and the operations that follow it."""

    def __init__(self) -> None:
        self._session: Session | None = None

    def configure(self, config: Properties) -> None:
        """Open the session that every resource of this process uses."""
        self._session = session.open_session(config)

    def __call__(self) -> Session:
        """The session; the engine configures a plugin before it uses it."""
        if self._session is None:
            raise Refused("the kubernetes provider is not configured yet")
        return self._session


class AnyKind(dict[str, Resource]):
    """Resources by token: a Helm release by its own, every other token as an object of its kind."""

    def __init__(self, configured: Configured) -> None:
        super().__init__({kinds.RELEASE: Release(configured)})
        self._any = KubernetesObject(configured)

    def get(self, token: str, default: Resource | None = None) -> Resource | None:  # type: ignore[override]
        """The resource of a token, `default` when it is no Kubernetes kind."""
        if token in self:
            return self[token]
        try:
            kinds.of_token(token)
        except ValueError:
            return default
        return self._any


def plugin() -> Plugin:
    """The plugin as data."""
    configured = Configured()
    return Plugin(
        name="kubernetes",
        version=sdk.provider_version("pulumi_kubernetes"),
        resources=AnyKind(configured),
        configure=configured.configure,
        diff_config=session.diff_config,
    )


def main() -> None:
    """Serve the engine that started us."""
    serve(plugin())
