"""Refusals of Cloudflare's API, with its codes and sentences.

Codes and sentences are those clients and their issue trackers quote; where several are in use, one
was picked and the README says so. It decides nothing.
"""

from dataclasses import dataclass
from typing import Any


@dataclass
class ApiError(Exception):
    """An answer with `success: false`."""

    status: int
    code: int
    message: str
    chain: tuple[tuple[int, str], ...] = ()

    def body(self) -> dict[str, Any]:
        """The envelope."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.chain:
            error["error_chain"] = [{"code": code, "message": text} for code, text in self.chain]
        return {"success": False, "errors": [error], "messages": [], "result": None}


def missing_credentials() -> ApiError:
    """No Authorization header."""
    text = "Missing X-Auth-Key, X-Auth-Email or Authorization headers"
    return ApiError(400, 9106, text)


def malformed_credentials() -> ApiError:
    """An Authorization header that is no bearer token."""
    chain = ((6111, "Invalid format for Authorization header"),)
    return ApiError(400, 6003, "Invalid request headers", chain)


def unknown_token() -> ApiError:
    """A token nobody made, where it is checked for its own sake."""
    return ApiError(401, 1000, "Invalid API Token")


def invalid_token() -> ApiError:
    """A token nobody made (or one that is disabled), used for something."""
    return ApiError(403, 9109, "Invalid access token")


def unauthorized() -> ApiError:
    """The token may not see the zone or account."""
    return ApiError(403, 9109, "Unauthorized to access requested resource")


def forbidden() -> ApiError:
    """The token has no right to this part of the zone or account."""
    return ApiError(403, 10000, "Authentication error")


def unroutable(path: str) -> ApiError:
    """An identifier in the path that nothing has."""
    text = f"Could not route to {path}, perhaps your object identifier is invalid?"
    return ApiError(404, 7003, text)


def no_route() -> ApiError:
    """No such endpoint."""
    return ApiError(404, 7000, "No route for that URI")


def invalid_body(reason: str) -> ApiError:
    """A body that is no JSON object."""
    return ApiError(400, 6007, f"Malformed JSON in request body: {reason}")


def invalid_record(code: int, reason: str) -> ApiError:
    """A record that breaks DNS's rules, or Cloudflare's."""
    return ApiError(400, 1004, "DNS Validation Error", ((code, reason),))


def unknown_record() -> ApiError:
    """No such record in the zone."""
    return ApiError(404, 81044, "Record does not exist.")


def identical_record() -> ApiError:
    """A record like this is there already."""
    return ApiError(400, 81058, "An identical record already exists.")


def existing_record() -> ApiError:
    """A change would make a record like another one."""
    return ApiError(400, 81057, "The record already exists.")


def host_taken() -> ApiError:
    """A CNAME wants to be alone."""
    text = "An A, AAAA, or CNAME record with that host already exists."
    return ApiError(400, 81053, text)


def cname_there() -> ApiError:
    """A CNAME is there and wants to be alone."""
    return ApiError(400, 81054, "A CNAME record with that host already exists.")


def unknown_tunnel() -> ApiError:
    """No such tunnel in the account."""
    return ApiError(404, 1003, "Tunnel not found")


def tunnel_named_so() -> ApiError:
    """Two tunnels cannot have one name."""
    text = (
        "You already have a tunnel with this name. Delete the existing tunnel, or choose a "
        "different name for your new tunnel"
    )
    return ApiError(409, 1013, text)


def tunnel_connected() -> ApiError:
    """A tunnel with connections stays."""
    return ApiError(400, 1022, "Cannot delete tunnel because it has active connections")


def invalid_tunnel(reason: str) -> ApiError:
    """A tunnel or a configuration of one that cannot be."""
    return ApiError(400, 1056, reason)


def invalid_policy(reason: str) -> ApiError:
    """An API token whose policies cannot be."""
    return ApiError(400, 1001, reason)


def unknown_api_token() -> ApiError:
    """No such API token."""
    return ApiError(404, 1003, "Invalid API Token identifier")
