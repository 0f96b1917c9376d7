"""The process of the stand-in for pulumi-tls."""

from lab.plugins import sdk
from lab.plugins.tls.resources import RESOURCES
from provider.rpc import Plugin, serve


def main() -> None:
    """Serve the engine until it goes."""
    serve(Plugin(name="tls", version=sdk.provider_version("pulumi_tls"), resources=RESOURCES))


if __name__ == "__main__":
    main()
