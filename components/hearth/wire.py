"""How values go over the wire: Talos' credentials, and names of properties."""

from typing import Any

from pulumi import Output


def talos_client(configuration: Output[Any]) -> Output[dict[str, str]]:
    """Talos' `client_configuration` as a dict in camelCase, secret as a whole."""
    named = configuration.apply(
        lambda found: {
            "caCertificate": found.ca_certificate,
            "clientCertificate": found.client_certificate,
            "clientKey": found.client_key,
        }
    )
    return Output.secret(named)


def camel(name: str) -> str:
    """`image_datastore` as `imageDatastore`."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def snake(name: str) -> str:
    """`imageDatastore` as `image_datastore`."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
