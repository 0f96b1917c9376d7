"""The process of the stand-in for pulumi-random."""

from lab.plugins import sdk
from lab.plugins.random.resources import RESOURCES
from provider.rpc import Plugin, serve


def main() -> None:
    """Serve the engine until it goes."""
    serve(Plugin(name="random", version=sdk.provider_version("pulumi_random"), resources=RESOURCES))


if __name__ == "__main__":
    main()
