"""`download.File`: an image fetched by the Proxmox VE host itself.

With `overwrite` (the vendor's default!) every refresh asks the URL for its size, and a file that is
of another size is planned for replacement; without it only the file's presence counts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lab.plugins.proxmoxve.api import ApiError
from lab.plugins.proxmoxve.bridged import Bridged, flag, refused, seen
from provider.rpc import Diff, Failure, Kind, Properties, Refused, operation, plain

_ASKED = "__urlSize"
_CONTENT = ("import", "iso", "vztmpl")
_EXISTS = (
    "File already exists in the datastore, it was created outside of Terraform or is managed by "
    "another resource.: File already exists in the datastore: '{name}', error: {error}"
)


class File(Bridged):
    """An image in a datastore."""

    required = ("contentType", "datastoreId", "nodeName", "url")
    defaults: ClassVar[Mapping[str, Any]] = {
        "overwrite": True,
        "overwriteUnmanaged": False,
        "uploadTimeout": 600,
        "verify": True,
    }
    replace_on = (
        "checksum",
        "checksumAlgorithm",
        "contentType",
        "datastoreId",
        "decompressionAlgorithm",
        "fileName",
        "nodeName",
        "size",
        "url",
    )
    computed = ("fileName", "size")
    kept = ("fileName",)

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """The content type is one of three; a checksum needs its algorithm."""
        inputs, failures = super().check(olds, news)
        content = plain(news.get("contentType"))
        if isinstance(content, str) and content not in _CONTENT:
            text = f"value must be one of: {', '.join(_CONTENT)}, got: {content!r}"
            failures.append(Failure("contentType", text))
        if (news.get("checksum") is None) != (news.get("checksumAlgorithm") is None):
            text = "checksum and checksumAlgorithm must be given together"
            failures.append(Failure("checksum", text))
        return inputs, failures

    def diff(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """As every resource, and replaced when the size is another than the URL's."""
        found = super().diff(id, olds, old_inputs, news, ignore)
        state, asked = plain(olds), plain(olds.get(_ASKED))
        changed = asked is not None and asked not in (-1, state.get("size"))
        if plain(news.get("overwrite")) is True and changed and "size" not in ignore:
            return Diff(
                replaces=(*found.replaces, "size"), detailed={**found.detailed, "size": Kind.UPDATE}
            )
        return found

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Ask the URL, have the host download it, and look it up."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        file = plain(inputs)
        name = str(file.get("fileName") or self._metadata(file).get("filename") or "")
        self._download({**file, "fileName": name})
        identifier = f"{file['datastoreId']}:{file['contentType']}/{name}"
        size = self._size(file, identifier)
        if size is None:
            raise Refused(
                "Error when reading file from datastore: file does not exists in datastore"
            )
        return identifier, {**inputs, "fileName": name, "size": size}

    def _metadata(self, file: Properties) -> Properties:
        path = f"nodes/{file['nodeName']}/query-url-metadata"
        try:
            found: Properties = self._api().get(
                path, url=file["url"], **{"verify-certificates": flag(file["verify"])}
            )
        except ApiError as error:
            raise refused(
                "Error initiating file download: Could not get file metadata, unexpected error: "
                "error fetching metadata from download url, unexpected error in "
                "GetQueryURLMetadata",
                error,
            ) from error
        return found

    def _download(self, file: Properties) -> None:
        api, storage = self._api(), f"nodes/{file['nodeName']}/storage/{file['datastoreId']}"
        parameters = {
            "content": file["contentType"],
            "filename": file["fileName"],
            "url": file["url"],
            "verify-certificates": flag(file["verify"]),
            "checksum": file.get("checksum"),
            "checksum-algorithm": file.get("checksumAlgorithm"),
            "compression": file.get("decompressionAlgorithm"),
        }
        given = {key: value for key, value in parameters.items() if value is not None}
        for attempt in (1, 2):
            try:
                api.wait(api.post(f"{storage}/download-url", **given), file["uploadTimeout"])
            except (ApiError, Refused) as error:
                there = "refusing to override existing file" in str(error)
                if there and file["overwriteUnmanaged"] and attempt == 1:
                    self._remove(file, f"{file['contentType']}/{file['fileName']}")
                    continue
                if there:
                    text = _EXISTS.format(name=file["fileName"], error=error)
                    raise Refused(text) from error
                raise refused(
                    "Error downloading file from url: Could not download file "
                    f"'{file['fileName']}', unexpected error",
                    error,
                ) from error
            return

    def _remove(self, file: Properties, volume: str) -> None:
        api, storage = self._api(), f"nodes/{file['nodeName']}/storage/{file['datastoreId']}"
        name = volume if ":" in volume else f"{file['datastoreId']}:{volume}"
        api.wait(api.delete(f"{storage}/content/{name}"), 60)

    def _size(self, file: Properties, identifier: str) -> int | None:
        """The file's size in the datastore; five looks, for a storage that lists it late."""
        path = f"nodes/{file['nodeName']}/storage/{file['datastoreId']}/content"
        pause, deadline = 0.2, time.monotonic() + 7
        while True:
            for item in self._api().get(path, content=file["contentType"]):
                if item.get("volid") == identifier:
                    return int(item.get("size") or 0)
            if time.monotonic() + pause > deadline:
                return None
            operation.current().wait(pause)
            pause *= 2

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """Is it there, and does the URL still say the same size?"""
        file = {**self.defaults, **(plain(state) or _parsed(id))}
        identifier = f"{file['datastoreId']}:{file['contentType']}/{file['fileName']}"
        path = f"nodes/{file['nodeName']}/storage/{file['datastoreId']}/content"
        try:
            items = self._api().get(path, content=file["contentType"])
        except ApiError as error:
            self._warn_gone(error)
            return None, {}, {}
        item = next((i for i in items if i.get("volid") == identifier), None)
        if item is None:
            self._warn_gone("file does not exists in datastore")
            return None, {}, {}
        live = {**file, "size": int(item.get("size") or 0)}
        if file["overwrite"] and file.get("url"):
            live[_ASKED] = self._asked(file)
        return identifier, live, seen(inputs, live) or {k: file[k] for k in file if k != _ASKED}

    def _asked(self, file: Properties) -> int:
        try:
            return int(self._metadata(file).get("size") or -1)
        except Refused:
            return -1  # the vendor only warns: an image server that is down replaces nothing

    def _warn_gone(self, why: object) -> None:
        operation.current().warn(
            f"The file does not exist in datastore and resource must be recreated.: {why}"
        )

    def change(self, identifier: str, old: Properties, new: Properties) -> None:
        """Nothing but the provider's own switches can change in place."""
        del identifier, old, new

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """Remove the file; one that is gone is removed already."""
        del timeout
        try:
            self._remove(plain(state), id)
        except ApiError as error:
            if not error.missing and "unable to parse" not in str(error):
                raise refused(
                    "Error deleting datastore file: Could not delete datastore file "
                    f"'{id}', unexpected error",
                    error,
                ) from error


def _parsed(identifier: str) -> Properties:
    """An import's ID: NODE/DATASTORE:CONTENT/FILE."""
    node, slash, rest = identifier.partition("/")
    store, colon, path = rest.partition(":")
    content, second, name = path.partition("/")
    if not (slash and colon and second and name):
        raise Refused(
            "Unexpected Import Identifier: Expected import identifier with format: "
            f"node_name/datastore_id:content_type/file_name. Got: {identifier!r}"
        )
    return {"nodeName": node, "datastoreId": store, "contentType": content, "fileName": name}
