"""1Password Connect's two secrets: whether a value can be what its key says, by its form alone.

A credentials file in the wrong form is accepted by everything until Connect itself starts, which
then never serves, and External Secrets with all that waits for a secret stands still behind it. So
the forms are looked at before anything is built. Whether 1Password still knows the credentials is
not asked; and no message ever shows a part of a value.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from config.secret_keys import ONE_PASSWORD_CREDENTIALS, ONE_PASSWORD_TOKEN

FILE = "1password-credentials.json"
VERSION = "2"
# The fields of a file of version 2, as 1Password hands it out (1Password/connect issue 67).
FIELDS: Mapping[str, tuple[str, ...]] = {
    "verifier": ("salt", "localHash"),
    "encCredentials": ("kid", "enc", "cty", "iv", "data"),
    "uniqueKey": ("alg", "k", "kty", "kid"),
    "deviceUuid": (),
}
# What `op item get` gives instead of the file (1Password/connect issue 18).
ITEM_KEYS = frozenset({"details", "overview", "vault", "sections", "category"})
AUDIENCE = "com.1password.connect"
JWT_PARTS = 3
# The beginning of `{"` in base64: of every JSON object that somebody encoded.
ENCODED_OBJECT = "eyJ"
ENCODINGS_MAX = 4
SET_FILE = (
    f"`pulumi config set --secret {ONE_PASSWORD_CREDENTIALS} < {FILE}` sets the file as it is"
)


def problems(values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with 1Password's secrets among `values`, by key; other keys are not judged."""
    checks: dict[str, Callable[[str], str | None]] = {
        ONE_PASSWORD_CREDENTIALS: credentials_problem,
        ONE_PASSWORD_TOKEN: token_problem,
    }
    found = {key: check(values[key]) for key, check in checks.items() if key in values}
    return {key: problem for key, problem in found.items() if problem is not None}


def credentials_problem(text: str) -> str | None:
    """Why a text is no `1password-credentials.json` of version 2, and what to do; else None."""
    text = text.strip()
    if not text:
        return f"it is empty; {SET_FILE}"
    if looks_like_token(text):
        return f"it is an access token, which belongs to {ONE_PASSWORD_TOKEN}; {SET_FILE}"
    times = encodings(text)
    if times:
        return (
            f"it is in base64 ({'once' if times == 1 else f'{times} times over'}); this program "
            f"encodes it as Connect wants it: {SET_FILE}"
        )
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError as error:
        return f"{not_json(text, error)}; {SET_FILE}"
    return shape_problem(found)


def not_json(text: str, error: json.JSONDecodeError) -> str:
    """What a text is that should have been JSON, without a word of it."""
    if not text.startswith("{"):
        if text.endswith(".json") and len(text.splitlines()) == 1:
            return "it is the name of a file, not what is in it"
        return "it is no JSON"
    return f"it begins as JSON and is cut off or damaged at line {error.lineno}"


def shape_problem(found: Any) -> str | None:
    """What a parsed file lacks."""
    if not isinstance(found, dict):
        return f"it is JSON, but no object; {SET_FILE}"
    if "version" not in found and ITEM_KEYS & found.keys():
        return (
            "it is the 1Password item that the file hangs on, not the file; `op document get ITEM "
            f"> {FILE}`, then {SET_FILE}"
        )
    if "version" in found and str(found["version"]) != VERSION:
        return (
            f"it is not version {VERSION}, the only one that Connect reads; make new credentials "
            "for the Connect server at 1Password (Developer > Infrastructure Secrets), then "
            f"{SET_FILE}"
        )
    missing = missing_fields(found)
    if missing:
        return f"it lacks {', '.join(missing)}: cut off, or another file; {SET_FILE}"
    return None


def missing_fields(found: Mapping[str, Any]) -> list[str]:
    """The fields that a file of version 2 has and this one has not, or has empty."""
    missing = [] if found.get("version") else ["version"]
    for name, inner in FIELDS.items():
        value = found.get(name)
        if not value or (inner and not isinstance(value, dict)):
            missing.append(name)
        else:
            missing += [f"{name}.{field}" for field in inner if not value.get(field)]
    return missing


def token_problem(text: str) -> str | None:
    """Why a text is no access token of a Connect server, and what to do; else None."""
    wrong = not_token(text) or claims_problem(*text.split(".")[:2])
    if wrong is None:
        return None
    return f"{wrong}; take the access token that 1Password shows once for the Connect server"


def not_token(text: str) -> str | None:
    """What a text is that should have been three parts with dots between."""
    parts = text.split(".")
    forms = {
        "it is empty": not text.strip(),
        f"it is JSON: is it the file that belongs to {ONE_PASSWORD_CREDENTIALS}?": text.startswith(
            "{"
        ),
        "it has blanks or line breaks in it": any(char.isspace() for char in text),
        "it is a service account's token, which Connect does not take": text.startswith("ops_"),
        "it is no JWT, which is three parts with dots between": len(parts) != JWT_PARTS
        or not all(parts),
    }
    return next((said for said, applies in forms.items() if applies), None)


def claims_problem(header: str, payload: str) -> str | None:
    """What is wrong with the two parts of a JWT that anybody can read."""
    head, claims = decoded_object(header), decoded_object(payload)
    if head is None or "alg" not in head or claims is None:
        return "it has the dots of a JWT, but its parts do not decode: is it cut off?"
    audience = claims.get("aud")
    if AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
        return f"it is a JWT, but not one for {AUDIENCE}"
    return None


def looks_like_token(text: str) -> bool:
    """Whether a text is a JWT, whatever it is for."""
    parts = text.split(".")
    return len(parts) == JWT_PARTS and decoded_object(parts[0]) is not None


def encodings(text: str) -> int:
    """How many times over a JSON object was put into base64; 0 when the text is no such thing."""
    for times in range(1, ENCODINGS_MAX + 1):
        decoded = unwrapped(text)
        if decoded is None:
            return 0
        if decoded.lstrip().startswith("{"):
            return times
        text = decoded
    return 0


def unwrapped(text: str) -> str | None:
    """A text out of base64 of either alphabet, with or without line breaks and padding."""
    joined = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(joined + "=" * (-len(joined) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def decoded_object(part: str) -> dict[str, Any] | None:
    """The JSON object in a part of a JWT."""
    text = unwrapped(part) if part.startswith(ENCODED_OBJECT) else None
    try:
        found: Any = json.loads(text or "")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
