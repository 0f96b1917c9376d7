"""What is seen at Cloudflare of a cut-off create, over real HTTPS."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from config.secret_keys import CLOUDFLARE_TOKEN
from ops.errors import VerbError
from ops.recover.cloudflare import Cloudflare
from ops.recover.findings import Finding, Verdict
from ops.recover.table import ACCOUNT_TOKEN, DNS_RECORD, TUNNEL
from tests.unit.provider.https_server import Answer, Request, Server, make_certificate, serving

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

VALUE = "canary-of-a-token"
RECORD = {"zoneId": "z", "name": "*.example.org", "type": "CNAME", "comment": "hearth:home"}
OTHERS = [{"id": f"o{number}", "name": "another"} for number in range(50)]


@dataclass
class Account:
    """What there is, by the last part of its path; pages of fifty."""

    server: Server
    bundle: str
    things: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refusal: Answer | None = None

    def handle(self, request: Request) -> Answer:
        assert request.headers["Authorization"] == f"Bearer {VALUE}"
        if self.refusal:
            return self.refusal
        if request.method == "DELETE":
            return 200, {"result": {}}
        found = self.things.get(request.path.rpartition("/")[2], [])
        first = (int(request.query["page"]) - 1) * 50
        return 200, {"result": found[first : first + 50]}

    def judge(self, kind: str, inputs: dict[str, Any]) -> Finding:
        secrets = {CLOUDFLARE_TOKEN: VALUE}
        return Cloudflare(secrets, self.server.url, self.bundle).judge(kind, inputs)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    made = Account(Server(""), str(tmp_path / "tls.crt"))
    with serving(made.handle, make_certificate(), tmp_path, mutual=False) as server:
        made.server = server
        yield made


def test_a_record_with_our_comment_is_adopted(account: Account) -> None:
    account.things["dns_records"] = [{"id": "t", "type": "TXT"}, {**RECORD, "id": "r1"}]
    found = account.judge(DNS_RECORD, RECORD)
    assert (found.verdict, found.identity) == (Verdict.ADOPTED, "r1")


@pytest.mark.parametrize("comment", [None, "mine", "hearth:home-two"])
def test_a_record_with_another_comment_is_left_to_a_person(
    account: Account, comment: str | None
) -> None:
    account.things["dns_records"] = [{**RECORD, "id": "r1", "comment": comment}]
    found = account.judge(DNS_RECORD, RECORD)
    assert found.verdict is Verdict.LEFT
    assert f"its comment is {comment or ''!r}, ours is 'hearth:home'" in found.seen


def test_what_is_not_there_is_cleared(account: Account) -> None:
    named = {"accountId": "a", "name": "hearth-home"}
    for kind, inputs in ((DNS_RECORD, RECORD), (TUNNEL, named), (ACCOUNT_TOKEN, named)):
        assert account.judge(kind, inputs).verdict is Verdict.CLEARED


def test_a_tunnel_of_our_name_is_adopted(account: Account) -> None:
    account.things["cfd_tunnel"] = [{"id": "t1", "name": "hearth-home"}]
    found = account.judge(TUNNEL, {"accountId": "a", "name": "hearth-home"})
    assert (found.verdict, found.identity) == (Verdict.ADOPTED, "t1")
    assert account.server.requests[0].query["is_deleted"] == "false"


def test_a_token_whose_value_nobody_has_is_removed_and_no_other(account: Account) -> None:
    account.things["tokens"] = [*OTHERS, {"id": "t1", "name": "hearth-home-x"}]
    found = account.judge(ACCOUNT_TOKEN, {"accountId": "a", "name": "hearth-home-x"})
    assert found.verdict is Verdict.REMOVED
    assert account.server.asked("DELETE") == []
    assert found.remove is not None
    found.remove()
    assert account.server.asked("DELETE") == ["/accounts/a/tokens/t1"]


def test_a_refusal_is_told_in_cloudflares_words(account: Account) -> None:
    account.refusal = (403, {"errors": [{"code": 10000, "message": "Authentication error"}]})
    with pytest.raises(VerbError, match=r"403 Authentication error \(10000\)"):
        account.judge(DNS_RECORD, RECORD)


def test_a_missing_token_is_named_and_an_api_that_is_away_too() -> None:
    with pytest.raises(VerbError, match="hearth:cloudflareToken is needed"):
        Cloudflare({}).judge(DNS_RECORD, RECORD)
    away = Cloudflare({CLOUDFLARE_TOKEN: VALUE}, "https://127.0.0.1:1")
    with pytest.raises(VerbError, match="could not be asked") as error:
        away.judge(DNS_RECORD, RECORD)
    assert VALUE not in str(error.value)
