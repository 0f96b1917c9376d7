"""Cloudflare's API as our resources use it: look, end a tunnel's connections, nothing else.

The token comes from the provider's configuration at run time and stands in no message. Every call
has a deadline; what the API refuses is told with the API's own words.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from provider.rpc import Refused

ENDPOINT = "https://api.cloudflare.com/client/v4"
REQUEST_SECONDS = 30
PER_PAGE = 50
# What the client would show whole in an exception is not even tried.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,}")
_DENIED = frozenset({requests.codes.unauthorized, requests.codes.forbidden})
WHERE = "Manage Account > Account API Tokens, or My Profile > API Tokens"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The token, and where the API is; `authorities` is a bundle to trust instead of the system's.

    The last two are for an API that is not Cloudflare's own.
    """

    token: str = field(repr=False)
    endpoint: str = ENDPOINT
    authorities: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer: its status, and its envelope where it had one."""

    status: int
    body: Mapping[str, Any]

    @property
    def denied(self) -> bool:
        """Whether the token has no right to what was asked."""
        return self.status in _DENIED

    @property
    def found(self) -> bool:
        """Whether there is such a thing."""
        return self.status != int(requests.codes.not_found)

    @property
    def succeeded(self) -> bool:
        """Whether it is what was asked for."""
        return self.status < int(requests.codes.bad_request) and bool(self.body.get("success"))

    def __str__(self) -> str:
        """Status, and Cloudflare's own sentences with their codes."""
        errors = [item for item in self.body.get("errors") or [] if isinstance(item, Mapping)]
        said = "; ".join(f"{item.get('message')} ({item.get('code')})" for item in errors)
        return f"{self.status} {said}".strip()


class Api:
    """A session with one token. `answer` tells whatever came, the others raise `Refused`."""

    def __init__(self, credentials: Credentials, session: requests.Session) -> None:
        self._endpoint = credentials.endpoint.rstrip("/")
        # With each request: a bundle in the environment goes before the session's own.
        self._verify: str | bool = credentials.authorities or True
        self._session = session

    def answer(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        """One request; `Refused` only when there was no answer, or when it was: later."""
        try:
            found = self._session.request(
                method,
                f"{self._endpoint}{path}",
                json=body,
                params=query or None,
                timeout=REQUEST_SECONDS,
                verify=self._verify,
            )
            document: Any = found.json() if found.content else {}
        except requests.JSONDecodeError:
            document = {}
        except requests.RequestException as error:
            raise Refused(f"Cloudflare could not be asked for {path} ({error})") from error
        answer = Answer(
            status=found.status_code, body=document if isinstance(document, Mapping) else {}
        )
        if found.status_code == requests.codes.too_many_requests:
            raise Refused(
                f"Cloudflare answered {answer}: it takes 1200 requests in five minutes from all "
                "that an account's owner runs; wait as long, then run the command again"
            )
        return answer

    def get(self, path: str, **query: Any) -> Any:
        """What there is at a path."""
        return result_of(self.answer("GET", path, **query), path)

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every page of a list."""
        found: list[Any] = []
        while True:
            page = self.get(path, page=len(found) // PER_PAGE + 1, per_page=PER_PAGE, **query) or []
            found += page
            if len(page) < PER_PAGE:
                return found


def result_of(answer: Answer, path: str) -> Any:
    """An answer's result; `Refused` with Cloudflare's words when there is none."""
    if not answer.succeeded:
        raise Refused(f"Cloudflare answered {answer} to {path}")
    return answer.body.get("result")


@contextmanager
def connected(credentials: Credentials | None) -> Iterator[Api]:
    """A session, closed afterwards."""
    if credentials is None:
        raise Refused(
            "this stack names a Cloudflare zone, and there is no token to ask Cloudflare with: "
            "`pulumi config set --secret hearth:cloudflareToken`"
        )
    if not _TOKEN.fullmatch(credentials.token):
        raise Refused(
            "hearth:cloudflareToken has blanks or signs in it that no token of Cloudflare has: "
            f"set it anew, as {WHERE} shows it once"
        )
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {credentials.token}"
        yield Api(credentials, session)
