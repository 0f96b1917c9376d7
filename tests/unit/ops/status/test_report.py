"""What a status prints, and the exit code that scripts go by."""

import json

import pytest

from ops.status.command import told
from ops.status.report import EXIT, Row, Section, Verdict, document, text, verdict

pytestmark = pytest.mark.unit

WELL = Section(name="etcd", rows=(Row(name="cp1"),), summary="1 voting members")
WRONG = Section(
    name="machines",
    rows=(
        Row(name="cp1"),
        Row(name="worker1", verdict=Verdict.WRONG, why="no answer", todo="look at its power"),
    ),
    summary="1 of 2",
)
NOTE = Section(name="dns", rows=(Row(name="ns1", verdict=Verdict.NOTE, why="nothing"),))
UNASKED = Section(name="flux", unasked="connection refused")


@pytest.mark.parametrize(
    ("sections", "expected", "code"),
    [
        ([WELL], Verdict.WELL, 0),
        ([WELL, NOTE], Verdict.NOTE, 0),
        ([WELL, UNASKED], Verdict.UNKNOWN, 2),
        ([WELL, UNASKED, WRONG], Verdict.WRONG, 1),
    ],
)
def test_what_is_wrong_outweighs_what_nobody_could_say(
    sections: list[Section], expected: Verdict, code: int
) -> None:
    assert verdict(sections) is expected
    assert EXIT[expected] == code


def test_a_person_sees_a_line_a_section_and_below_it_only_what_is_wrong() -> None:
    assert text("home", [WELL, WRONG, UNASKED]).splitlines() == [
        "etcd      ok     1 voting members",
        "machines  WRONG  1 of 2",
        "  worker1  no answer",
        "           -> look at its power",
        "flux      ?      could not ask: connection refused",
        "",
        "home: something is not as wanted.",
    ]


def test_a_script_gets_every_row() -> None:
    shown = json.loads(json.dumps(document("home", [WELL, WRONG, UNASKED])))
    assert shown["verdict"] == "wrong"
    assert [row["name"] for row in shown["sections"][1]["rows"]] == ["cp1", "worker1"]
    assert shown["sections"][1]["rows"][1]["verdict"] == "wrong"
    assert shown["sections"][2]["unasked"] == "connection refused"
    assert set(shown["sections"][0]) == {"name", "verdict", "summary", "unasked", "rows", "lines"}


def test_a_section_that_takes_too_long_is_not_waited_for() -> None:
    from concurrent.futures import Future

    never: Future[Section] = Future()
    assert told("flux", never, 40).unasked == "no answer within 40 s"
