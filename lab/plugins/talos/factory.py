"""`talos.imageFactory`: schematics and what the Image Factory offers, over its own HTTP API.

The API is the factory's: POST /schematics, GET /versions, GET /version/V/extensions/official and
/version/V/overlays/official. URLs of images are put together without asking it.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from lab.plugins.talos import schema
from lab.plugins.talos.platforms import CLOUDS, METAL, files
from lab.plugins.talos.values import precedence
from provider.rpc import (
    UNKNOWN,
    Failure,
    InvalidArguments,
    Properties,
    Refused,
    Resource,
    plain,
)

DEFAULT_URL: Final = "https://factory.talos.dev"
_TIMEOUT: Final = 60
_ASSETS: Final = (
    "diskImage",
    "diskImageSecureboot",
    "initramfs",
    "installer",
    "installerSecureboot",
    "iso",
    "isoSecureboot",
    "kernel",
    "kernelCommandLine",
    "pxe",
    "uki",
)
_PRE_RELEASE = re.compile(r"v?\d+\.\d+\.\d+-")


class Factory:
    """The factory that the provider is configured for, and its functions."""

    def __init__(self) -> None:
        self._url = DEFAULT_URL

    def use(self, url: str | None) -> None:
        """Talk to the factory at `url` from now on."""
        self._url = (url or DEFAULT_URL).rstrip("/")

    def request(self, path: str, summary: str, body: str | None = None) -> Any:
        """One call: the decoded JSON answer, `Refused` with `summary` when there is none."""
        import json  # noqa: PLC0415 (HTTP costs 60 ms of import, and few runs ask the factory)
        import urllib.error  # noqa: PLC0415
        import urllib.request  # noqa: PLC0415

        url = f"{self._url}{path}"
        if not url.startswith(("https://", "http://")):
            raise Refused(f"failed to create Image Factory client: {self._url} is no URL")
        data = None if body is None else body.encode()
        try:
            with urllib.request.urlopen(url, data, timeout=_TIMEOUT) as answer:  # noqa: S310 (checked)
                return json.load(answer)
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace").strip()
            raise Refused(f"{summary}: HTTP {error.code}, {reason}") from None
        except (OSError, ValueError) as error:
            raise Refused(f"{summary}: {url}: {error}") from None

    def create(self, schematic: str, summary: str) -> str:
        """The id of a schematic."""
        return str(self.request("/schematics", summary, schematic)["id"])

    def versions(self, arguments: Properties) -> Properties:
        """`getVersions`: what Talos releases there are."""
        found: list[str] = self.request("/versions", "failed to get talos versions")
        if (arguments.get("filters") or {}).get("stableVersionsOnly"):
            found = [version for version in found if not _PRE_RELEASE.match(version)]
        return {**arguments, "id": "talos_versions", "talosVersions": found}

    def extensions(self, arguments: Properties) -> Properties:
        """`getExtensionsVersions`: the official extensions of a release."""
        fields = ("name", "ref", "digest", "author", "description")
        found = self._offers(arguments, "extensions", fields)
        return {**arguments, "id": "extensions_info", "extensionsInfos": found}

    def overlays(self, arguments: Properties) -> Properties:
        """`getOverlaysVersions`: the official overlays of a release."""
        found = self._offers(arguments, "overlays", ("name", "ref", "digest", "image"))
        return {**arguments, "id": "overlays_info", "overlaysInfos": found}

    def _offers(self, arguments: Properties, kind: str, fields: Sequence[str]) -> list[Properties]:
        schema.require(arguments, {"talosVersion": {}})
        path = f"/version/{arguments['talosVersion']}/{kind}/official"
        offered = self.request(path, f"failed to get talos {kind} versions")
        exact = (arguments.get("exactFilters") or {}).get("names") or []
        parts = (arguments.get("filters") or {}).get("names") or []
        return [
            {field: offer.get(field) or "" for field in fields}
            for offer in offered
            if not (exact or parts)
            or offer["name"] in exact
            or any(part in offer["name"] for part in parts)
        ]

    def urls(self, arguments: Properties) -> Properties:
        """`getUrls`: where the images of a schematic are; nothing is asked."""
        schema.require(arguments, {"schematicId": {}, "talosVersion": {}})
        platform, sbc = arguments.get("platform"), arguments.get("sbc")
        _check_platform(platform, sbc)
        version = "v" + arguments["talosVersion"].removeprefix("v")
        precedence(version)
        architecture = arguments.get("architecture") or "amd64"
        place = f"{arguments['schematicId']}/{version}"
        base, host = self._url, self._url.partition("://")[2]
        image = f"{arguments['schematicId']}:{version}"
        if platform is None:
            found = {
                "installer": f"{host}/metal-installer/{image}",
                "diskImage": f"{base}/image/{place}/metal-arm64.raw.xz",
            }
        else:
            names = files(platform, architecture)
            found = {name: f"{base}/image/{place}/{file}" for name, file in names.items()}
            found["installer"] = f"{host}/{platform}-installer/{image}"
            if (METAL if platform == "metal" else CLOUDS[platform]).secure_boot:
                found["installerSecureboot"] = f"{host}/{platform}-installer-secureboot/{image}"
            if (METAL if platform == "metal" else CLOUDS[platform]).pxe:
                scheme = base.partition("://")[0]
                found["pxe"] = f"{scheme}://pxe.{host}/pxe/{place}/{platform}-{architecture}"
        urls = {name: found.get(name, "") for name in _ASSETS}
        return {**arguments, "id": "", "architecture": architecture, "urls": urls}


def _check_platform(platform: object, sbc: object) -> None:
    if (platform is None) == (sbc is None):
        reason = "Invalid Attribute Combination: Exactly one of platform, sbc must be set"
        raise InvalidArguments([Failure("platform", reason)])
    if platform is not None and platform not in {"metal", *CLOUDS}:
        allowed = " ".join(f'"{name}"' for name in ("metal", *CLOUDS))
        reason = f'value must be one of: [{allowed}], got: "{platform}"'
        raise InvalidArguments([Failure("platform", f"Invalid Attribute Value Match: {reason}")])


class Schematic(Resource):
    """`talos.imageFactory.Schematic`: its id is the schematic's; a change makes another id."""

    def __init__(self, factory: Factory) -> None:
        self._factory = factory

    def create(
        self, inputs: Properties, preview: bool, _timeout: float, /
    ) -> tuple[str, Properties]:
        """Register it with the factory, which knows it by its content."""
        if preview:
            return "", inputs
        text = plain(inputs).get("schematic") or "{}"
        made = self._factory.create(text, "failed to create schematic")
        return made, {**inputs, "id": made}

    def update(
        self,
        _identity: str,
        _olds: Properties,
        news: Properties,
        preview: bool,
        _timeout: float,
        /,
    ) -> Properties:
        """Register the new content.

        The new id is an output only: the engine keeps the id that a resource was created with, and
        that is what programs see.
        """
        if preview:
            return {**news, "id": UNKNOWN}
        text = plain(news).get("schematic") or "{}"
        return {**news, "id": self._factory.create(text, "failed to update schematic")}

    def delete(self, _identity: str, _state: Properties, _timeout: float, /) -> None:
        """Leave it: the factory keeps what it has seen."""
