"""Delegation: the records for a parent zone, and whether they resolve already."""

import pytest

from provider.delegation import Delegation, records
from provider.rpc import UNKNOWN
from tests.unit.provider.spoken import listening

pytestmark = pytest.mark.unit

# A name that every machine resolves without asking anybody.
INPUTS = {"zone": "k8s.example.org", "nameserver": "localhost", "address": "127.0.0.1"}
WRONG = {**INPUTS, "address": "192.0.2.53"}
LINES = ["k8s.example.org. 300 IN NS localhost.", "localhost. 300 IN A 127.0.0.1"]


def test_records_are_lines_of_a_zone_file() -> None:
    assert records(INPUTS) == LINES


def test_an_address_of_the_other_family_gets_its_own_type() -> None:
    assert (
        records({**INPUTS, "address": "2001:db8::53"})[1] == "localhost. 300 IN AAAA 2001:db8::53"
    )


def test_records_that_resolve_are_no_news() -> None:
    with listening() as spoken:
        identity, outputs = Delegation().create(INPUTS, False, 0.0)
    assert (identity, outputs["records"]) == ("k8s.example.org", LINES)
    assert spoken.everything == ""


def test_records_that_do_not_resolve_are_a_warning_and_no_failure() -> None:
    with listening() as spoken:
        Delegation().create(WRONG, False, 0.0)
    (warning,) = spoken.warnings
    assert "localhost resolves to" in warning
    assert "not to 192.0.2.53" in warning
    assert "localhost. 300 IN A 192.0.2.53" in warning


def test_a_name_that_cannot_resolve_is_a_warning_too() -> None:
    # Longer than any name may be: refused before anybody is asked.
    endless = ".".join(["label"] * 60)
    with listening() as spoken:
        Delegation().create({**INPUTS, "nameserver": endless}, False, 0.0)
    assert "does not resolve" in spoken.warnings[0]


def test_a_preview_knows_the_records_and_asks_nobody() -> None:
    with listening() as spoken:
        identity, outputs = Delegation().create(WRONG, True, 0.0)
        updated = Delegation().update("x", INPUTS, WRONG, True, 0.0)
    assert identity == ""
    assert outputs["records"] == updated["records"] == records(WRONG)
    assert spoken.everything == ""


def test_a_preview_that_does_not_know_the_address_does_not_know_the_records() -> None:
    _, outputs = Delegation().create({**INPUTS, "address": UNKNOWN}, True, 0.0)
    assert outputs["records"] is UNKNOWN


def test_an_update_looks_again() -> None:
    with listening() as spoken:
        outputs = Delegation().update("k8s.example.org", INPUTS, WRONG, False, 0.0)
    assert outputs["records"] == records(WRONG)
    assert len(spoken.warnings) == 1


def test_a_delete_says_what_has_become_superfluous() -> None:
    with listening() as spoken:
        Delegation().delete("k8s.example.org", {**INPUTS, "records": LINES}, 0.0)
    (said,) = spoken.infos
    assert all(line in said for line in LINES)


def test_all_missing_inputs_are_told() -> None:
    _, failures = Delegation().check({}, {})
    assert {failure.property for failure in failures} == {"zone", "nameserver", "address"}
