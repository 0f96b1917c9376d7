"""1Password's secrets in the forms that people really set them in; no message shows a value."""

import base64
import json
from typing import Any

import pytest

from config.load import stack_paths
from config.one_password import FIELDS, credentials_problem, problems, token_problem
from config.secret_keys import ONE_PASSWORD_CREDENTIALS, ONE_PASSWORD_TOKEN
from lab.seal import lab_values
from tests.unit.config.cases import HERE

pytestmark = pytest.mark.unit

ROOT = HERE.parents[2]
CANARY = "canaryOfOnePassword"


def credentials(**changes: Any) -> dict[str, Any]:
    """A file as 1Password hands it out, every value a canary."""
    kept = {name: dict.fromkeys(inner, CANARY) or CANARY for name, inner in FIELDS.items()}
    return {**kept, "version": "2", **changes}


def encoded(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.b64encode(text.encode()).decode()


def token(claims: object = None, header: object = None) -> str:
    parts = (header or {"alg": "ES256"}, claims or {"aud": ["com.1password.connect"]})
    return ".".join([*(encoded(part).rstrip("=") for part in parts), CANARY])


FILE = json.dumps(credentials())
WITHOUT_DATA = json.dumps(
    credentials(encCredentials={"kid": CANARY, "enc": CANARY, "cty": CANARY, "iv": CANARY})
)
ITEM = json.dumps({"uuid": CANARY, "details": {"documentAttributes": {"fileName": CANARY}}})


@pytest.mark.parametrize("text", [FILE, f"{FILE}\n", json.dumps(credentials(more=1), indent=2)])
def test_a_file_of_version_two_passes(text: str) -> None:
    assert credentials_problem(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        (encoded(FILE), "it is in base64 (once)"),
        (encoded(encoded(FILE)), "it is in base64 (2 times over)"),
        (base64.encodebytes(FILE.encode()).decode(), "it is in base64 (once)"),
        (base64.urlsafe_b64encode(FILE.encode()).decode().rstrip("="), "it is in base64 (once)"),
        (FILE[:-40], "is cut off or damaged at line 1"),
        ("/home/me/1password-credentials.json", "it is the name of a file"),
        (CANARY, "it is no JSON"),
        ("[1]", "it is JSON, but no object"),
        (token(), f"it is an access token, which belongs to {ONE_PASSWORD_TOKEN}"),
        (ITEM, "it is the 1Password item that the file hangs on"),
        (json.dumps(credentials(version="1")), "it is not version 2"),
        (json.dumps(credentials(version=None)), "it is not version 2"),
        (WITHOUT_DATA, "it lacks encCredentials.data"),
        (json.dumps({"verifier": CANARY}), "it lacks version, verifier, encCredentials, uniqueKey"),
        ("{}", "it lacks version, verifier"),
    ],
)
def test_what_people_set_instead_is_named_and_never_shown(text: str, said: str) -> None:
    problem = credentials_problem(text)
    assert problem is not None
    assert said in problem
    assert ONE_PASSWORD_CREDENTIALS in problem, "the fix names the key to set"
    assert CANARY not in problem


def test_a_number_as_version_is_what_it_means() -> None:
    assert credentials_problem(json.dumps(credentials(version=2))) is None


@pytest.mark.parametrize("field", [f"{name}.{f}" for name, inner in FIELDS.items() for f in inner])
def test_every_field_is_missed(field: str) -> None:
    outer, _, inner = field.partition(".")
    file = credentials()
    del file[outer][inner]
    assert f"it lacks {field}: " in str(credentials_problem(json.dumps(file)))


def test_an_access_token_of_a_connect_server_passes() -> None:
    assert token_problem(token()) is None
    assert token_problem(token({"aud": "com.1password.connect"})) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        (f"{token()}\n", "blanks or line breaks"),
        (token().replace(".", ". "), "blanks or line breaks"),
        (FILE, f"belongs to {ONE_PASSWORD_CREDENTIALS}?"),
        (f"ops_{CANARY}", "a service account's token"),
        (CANARY, "it is no JWT"),
        (token()[: -len(CANARY)], "it is no JWT"),
        (f"{CANARY}.{CANARY}.{CANARY}", "its parts do not decode"),
        (token().replace(".", "..", 1), "it is no JWT"),
        (token({"aud": ["somebody.else"]}), "not one for com.1password.connect"),
        (token({"sub": CANARY}), "not one for com.1password.connect"),
        (token(header={"typ": "JWT"}), "its parts do not decode"),
    ],
)
def test_what_is_no_token_of_connect_is_named_and_never_shown(text: str, said: str) -> None:
    problem = token_problem(text)
    assert problem is not None
    assert said in problem
    assert CANARY not in problem


def test_all_that_is_wrong_is_said_at_once_and_other_keys_are_nobodys_business() -> None:
    found = problems(
        {ONE_PASSWORD_CREDENTIALS: CANARY, ONE_PASSWORD_TOKEN: CANARY, "hearth:ageKey": ""}
    )
    assert set(found) == {ONE_PASSWORD_CREDENTIALS, ONE_PASSWORD_TOKEN}


@pytest.mark.parametrize("stack", stack_paths(ROOT))
def test_the_labs_own_values_have_the_form_of_real_ones(stack: str) -> None:
    assert problems(lab_values(stack)) == {}
