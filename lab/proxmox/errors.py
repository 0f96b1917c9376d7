# SPDX-License-Identifier: AGPL-3.0-or-later
"""Refusals in the words of Proxmox VE, and how ours become fakepve's.

The sentences are those of pve-access-control, qemu-server, pve-storage and pve-common, version 9.
It decides nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fakepve.model import PveError, TaskError

from lab.proxmox.state.access import AccessError

__all__ = ["PveError", "TaskError", "died", "forbidden", "invalid", "speaking"]


def died(message: str) -> PveError:
    """A `die` inside a handler: status 500 and the sentence."""
    return PveError(500, message)


def invalid(**fields: str) -> PveError:
    """Status 400 with one sentence per parameter; `_` in a name stands for `-`."""
    named = {name.replace("_", "-"): text for name, text in fields.items()}
    return PveError(400, "Parameter verification failed.", named)


def forbidden(why: str = "") -> PveError:
    """Status 403, with the path and privilege that were missing if PVE names them."""
    return PveError(403, f"Permission check failed ({why})" if why else "Permission check failed")


def unauthorized(message: str = "authentication failure") -> PveError:
    """Status 401; PVE gives no reason away."""
    return PveError(401, message)


@contextmanager
def speaking(prefix: str = "") -> Iterator[None]:
    """Turn an `AccessError` into the answer PVE gives, `prefix` (`create user failed: `) first."""
    try:
        yield
    except AccessError as error:
        if error.field:
            raise invalid(**{error.field: error.message}) from None
        raise died(f"{prefix}{error.message}") from None
