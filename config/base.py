"""The one base of every section of a stack's config, and the value types that carry meaning.

Sections are frozen, speak camelCase like the Talos and Kubernetes YAML beside them, and forbid what
they do not know. Nothing here reads a file or knows an engine.
"""

import re
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Interface = IPv4Interface | IPv6Interface
CANONICAL = "canonical-network"


class Model(BaseModel):
    """A section: frozen, camelCase, refuses unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


def parse_address(value: object) -> Address:
    """An address without a mask; says so when it got a network."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    if "/" in str(value):
        raise ValueError(f"{value!s} has a mask; write the address alone")
    try:
        return ip_address(str(value))
    except ValueError as error:
        raise ValueError(f"{value!s} is no IP address; one is 10.0.0.1 or fd00::1") from error


def parse_network(value: object, *, strict: bool = True) -> Network:
    """A canonical network; host bits are refused with the network that was probably meant.

    A `10.0.3.4/28` route once crashed Tailscale, and a pod net with host bits set *was* the node
    VLAN once it was masked. Not strict, the host bits are masked as such programs do it.
    """
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        meant = ip_network(str(value), strict=False)
    except ValueError as error:
        raise ValueError(f"{value!s} is no network; one is 10.0.0.0/16 or fd00::/64") from error
    if strict and ip_address(str(value).partition("/")[0]) != meant.network_address:
        text = f"{value!s} has host bits set; did you mean {meant}?"
        raise PydanticCustomError(CANONICAL, "{text}", {"text": text})
    return meant


def _strict(info: ValidationInfo) -> bool:
    """Whether host bits are refused: the one rule that lives in a type can be switched off too."""
    return CANONICAL not in (info.context or {}).get("off", ())


def _network(value: object, info: ValidationInfo) -> Network:
    return parse_network(value, strict=_strict(info))


def parse_interface(value: object) -> Interface:
    """An address with the mask of its network, as in `10.0.1.1/16`."""
    if isinstance(value, IPv4Interface | IPv6Interface):
        return value
    if "/" not in str(value):
        raise ValueError(f"{value!s} lacks its mask, as in {value!s}/24")
    return ip_interface(str(value))


def checked_mac(value: str) -> str:
    """A unicast MAC address, upper case with colons as Proxmox writes it."""
    text = value.upper().replace("-", ":")
    if not re.fullmatch(r"([0-9A-F]{2}:){5}[0-9A-F]{2}", text):
        raise ValueError(f"{value} is no MAC address; one is BC:24:11:00:01:01")
    if int(text[:2], 16) & 1:
        raise ValueError(f"{value} is a multicast address; a card's first octet is even")
    return text


def checked_name(value: str) -> str:
    """An RFC 1123 label: what Kubernetes, Proxmox and DNS all accept as a name."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value):
        raise ValueError(
            f"{value!r} is no name; use lower-case letters, digits and inner hyphens, at most 63"
        )
    return value


def checked_fqdn(value: str) -> str:
    """A fully qualified domain name without a trailing dot."""
    labels = value.split(".")
    if len(labels) < 2 or any(
        not re.fullmatch(r"[a-z0-9_]([a-z0-9-]*[a-z0-9])?", x) for x in labels
    ):
        raise ValueError(f"{value!r} is no domain name; one is test-cluster.example.com")
    return value


def checked_hostname(value: str) -> str:
    """A domain name, or a wildcard one like `*.example.com`."""
    checked_fqdn(value.removeprefix("*."))
    return value


def checked_label_key(value: str) -> str:
    """A node label's key of the owner's own: Kubernetes keeps its domains to itself.

    The API server's NodeRestriction lets a kubelet set only a few of those; they are computed here.
    """
    prefix, slash, name = value.rpartition("/")
    if slash:
        checked_fqdn(prefix)
    if prefix.endswith(("kubernetes.io", "k8s.io")):
        raise ValueError(f"{value!r} is Kubernetes' own; use a key like example.com/rack or rack")
    checked_label(name)
    if not name:
        raise ValueError(f"{value!r} is no label key; one is example.com/rack")
    return value


def checked_label(value: str) -> str:
    """A label's value, or the name in its key: what Kubernetes takes as one."""
    if not re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", value):
        raise ValueError(
            f"{value!r} is no label; use letters, digits and inner hyphens, dots and underscores, "
            "at most 63"
        )
    return value


def checked_https(value: str) -> str:
    """An https URL without a trailing slash."""
    if not re.fullmatch(r"https://[A-Za-z0-9.\[\]:-]+(/\S*)?", value):
        raise ValueError(f"{value!r} is no https URL; one is https://atlas.example.com:8006")
    return value.rstrip("/")


_TEXT = PlainSerializer(str, return_type=str)
IpAddress = Annotated[Address, BeforeValidator(parse_address), _TEXT]
Cidr = Annotated[Network, BeforeValidator(_network), _TEXT]
Mac = Annotated[str, AfterValidator(checked_mac)]
Name = Annotated[str, AfterValidator(checked_name)]
Fqdn = Annotated[str, AfterValidator(checked_fqdn)]
Hostname = Annotated[str, AfterValidator(checked_hostname)]
LabelKey = Annotated[str, AfterValidator(checked_label_key)]
Label = Annotated[str, AfterValidator(checked_label)]
HttpsUrl = Annotated[str, AfterValidator(checked_https)]


class AddressRange(Model):
    """First and last address of a span, both included."""

    first: IpAddress
    last: IpAddress

    def __str__(self) -> str:
        """`first-last`, or one address."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def __contains__(self, address: Address) -> bool:
        """Whether the address lies in the span."""
        return address.version == self.first.version and int(self.first) <= int(address) <= int(
            self.last
        )

    def overlaps(self, other: "AddressRange") -> bool:
        """Whether the two spans share an address."""
        return other.first in self or self.first in other


def parse_range(value: object, *, strict: bool = True) -> object:
    """`10.0.3.4-10.0.3.20`, a single address, or a network, as a span."""
    if not isinstance(value, str):
        return value
    if "/" in value:
        network = parse_network(value, strict=strict)
        return {"first": network[0], "last": network[-1]}
    first, _, last = value.partition("-")
    span = {"first": parse_address(first.strip()), "last": parse_address((last or first).strip())}
    if span["first"].version != span["last"].version:
        raise ValueError(f"{value} starts in one address family and ends in the other; use one")
    if int(span["last"]) < int(span["first"]):
        meant = f"{span['last']}-{span['first']}"
        raise ValueError(f"{value} ends before it starts; did you mean {meant}?")
    return span


def _range(value: object, info: ValidationInfo) -> object:
    return parse_range(value, strict=_strict(info))


Range = Annotated[AddressRange, BeforeValidator(_range, json_schema_input_type=str)]
