"""One Proxmox VE API through proxmoxer: errors in the vendor's words, tasks with a deadline.

The vendor's plugin (bpg/terraform-provider-proxmox) words every refusal as
`received an HTTP 403 response - Reason: Permission check failed (...)`; so does this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from provider.rpc import Refused, operation

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_RETRY_AFTER = 1.0
T = TypeVar("T")


class ApiError(Refused):
    """A refusal by the API; `str` is what the vendor's plugin would say."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"received an HTTP {code} response - Reason: {reason}")
        self.code = code
        self.reason = reason

    @property
    def missing(self) -> bool:
        """Whether it says that the thing does not exist (PVE answers 500 for most of those)."""
        return self.code == 404 or (
            self.code == 500
            and any(
                words in self.reason
                for words in (
                    "does not exist",
                    "no such resource",
                    "no such token",
                    "no such user",
                    "No such file or directory",
                )
            )
        )


def transient(error: ApiError) -> bool:
    """What the vendor tries again: any 5xx but a thing that is missing or there already."""
    there = "already exists" in error.reason
    return error.code >= 500 and not error.missing and not there


def saying(*words: str) -> Callable[[ApiError], bool]:
    """A test for errors that contain one of some words."""
    return lambda error: any(word in error.reason for word in words)


def patiently(act: Callable[[], T], again: Callable[[ApiError], bool], attempts: int = 3) -> T:
    """Act, and try again after 1, 2, 4, ... seconds on errors that pass; the last one is raised."""
    for attempt in range(attempts - 1):
        try:
            return act()
        except ApiError as error:
            if not again(error):
                raise
        operation.current().wait(_RETRY_AFTER * 2**attempt)
    return act()


def worded(status: int, reason: str, errors: Mapping[str, Any] | None) -> ApiError:
    """An `ApiError` from the status line and the errors by parameter, as the vendor joins them."""
    details = [f"{key}: {str(value).rstrip()}" for key, value in (errors or {}).items()]
    return ApiError(status, f"{reason} ({' - '.join(details)})" if details else reason)


class Api:
    """A logged-in client. Safe for many threads: requests' pool is, and nothing here is kept."""

    def __init__(self, client: Any, *, is_root_password: bool) -> None:
        self._client = client
        self.is_root_password = is_root_password

    def call(self, method: str, path: str, /, **parameters: Any) -> Any:
        """One request; `path` is below `/api2/json`. Raises `ApiError` or `Refused`."""
        import requests  # noqa: PLC0415 (the plugin starts without HTTP)
        from proxmoxer import ResourceException  # noqa: PLC0415

        target = self._client(path.strip("/"))
        try:
            return getattr(target, method)(**parameters)
        except ResourceException as error:
            # proxmoxer calls the status line's reason, where Proxmox VE says what is wrong, content
            reason = str(error.content or error.status_message).strip()
            raise worded(int(error.status_code), reason, error.errors) from error
        except requests.RequestException as error:
            raise Refused(
                f"failed to perform HTTP {method.upper()} request (path: {path.strip('/')}) - "
                f"Reason: {error}"
            ) from error

    def get(self, path: str, /, **parameters: Any) -> Any:
        """GET."""
        return self.call("get", path, **parameters)

    def post(self, path: str, /, **parameters: Any) -> Any:
        """POST."""
        return self.call("post", path, **parameters)

    def put(self, path: str, /, **parameters: Any) -> Any:
        """PUT."""
        return self.call("put", path, **parameters)

    def delete(self, path: str, /, **parameters: Any) -> Any:
        """DELETE."""
        return self.call("delete", path, **parameters)

    def wait(self, upid: Any, seconds: float) -> None:
        """Wait for a task. `Refused` when it fails or takes longer than `seconds`."""
        if not isinstance(upid, str) or not upid.startswith("UPID:"):
            return  # some calls answer at once, without a task
        node, call = upid.split(":")[1], operation.current()
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
        while True:
            status = self.get(f"nodes/{node}/tasks/{upid}/status")
            if status.get("status") == "stopped":
                break
            if time.monotonic() >= deadline:
                raise Refused(f'timeout while waiting for task "{upid}" to complete')
            call.wait(min(pause, max(0.01, deadline - time.monotonic())))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        code = str(status.get("exitstatus") or "")
        if code.startswith("WARNINGS"):
            call.warn(f'task "{upid}" finished with warnings: {code}')
        elif code != "OK":
            raise Refused(f'task "{upid}" failed to complete with exit code: {code}')
