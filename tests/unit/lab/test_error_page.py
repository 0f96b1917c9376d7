"""docs/errors.md: every case has a row and every row a case; what it keeps comes back unchanged."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.error_page import PAGE, RECORD, Differs, Row, compare, normalised, read, text
from lab.scenarios.catalog import CATALOG
from tests.lab.bad_input import CASES

pytestmark = pytest.mark.unit

SEEN = Row(
    area="Stack file",
    name="file-x",
    wrong="a thing",
    exit_code=1,
    said=("error: a | b", "  run `pulumi up`"),
    remedy="mend it",
)


def test_every_case_has_a_row_and_every_row_a_case() -> None:
    faults = {entry.name for entry in CATALOG if entry.name.startswith("fault-")}
    assert set(read()) == faults | {case.name for case in CASES}


def test_the_committed_page_is_as_it_would_be_written() -> None:
    assert PAGE.read_text() == text(list(read().values()))


def test_a_row_comes_back_as_it_was_written(tmp_path: Path) -> None:
    page = tmp_path / "errors.md"
    compare(SEEN, {RECORD: "1"}, page)
    assert read(page) == {"file-x": SEEN}
    compare(SEEN, {}, page)


def test_another_message_is_told_beside_the_one_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "errors.md"
    compare(SEEN, {RECORD: "1"}, page)
    other = replace(SEEN, said=("error: c",))
    with pytest.raises(Differs, match=r"(?s)error: a . b.*seen.*error: c.*HEARTH_RECORD=1"):
        compare(other, {}, page)


def test_a_case_without_a_row_is_told(tmp_path: Path) -> None:
    with pytest.raises(Differs, match="no row file-x"):
        compare(SEEN, {}, tmp_path / "errors.md")


def test_what_differs_from_run_to_run_is_replaced() -> None:
    said = "error: task UPID:atlas:00A1:x@pve!y: failed\n\n  dial 127.0.0.1:40123  \n"
    assert normalised(said) == ("error: task UPID:... failed", "  dial 127.0.0.1:PORT")
