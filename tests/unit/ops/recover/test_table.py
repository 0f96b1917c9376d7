"""The table of what becomes of what: complete in itself, and the one the documentation shows."""

from pathlib import Path

import pytest

from ops.recover.cloudflare import Cloudflare
from ops.recover.proxmox import Proxmox
from ops.recover.table import ACCOUNT_TOKEN, ROWS, TOKEN, Vendor, markdown, row_of

pytestmark = pytest.mark.unit

DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "recovery.md"


def test_the_documentation_shows_this_very_table() -> None:
    assert markdown() in DOCUMENT.read_text()


def test_a_special_row_comes_before_the_general_one_that_would_cover_it() -> None:
    for row in ROWS:
        kind = row.types.replace("*", "x")
        assert row_of(kind) is row


def test_every_type_that_proxmox_is_asked_about_has_a_judgement() -> None:
    asked = {row.types for row in ROWS if row.asks is Vendor.PROXMOX}
    assert Proxmox({}, {}).judged == asked
    assert TOKEN in asked


def test_every_type_that_cloudflare_is_asked_about_has_a_judgement() -> None:
    asked = {row.types for row in ROWS if row.asks is Vendor.CLOUDFLARE}
    assert Cloudflare({}).judged == asked
    assert ACCOUNT_TOKEN in asked


def test_a_row_that_asks_says_how_it_knows_what_is_ours() -> None:
    assert all(bool(row.ours) == (row.asks is not None) for row in ROWS)


def test_a_type_that_nobody_thought_of_has_no_row() -> None:
    assert row_of("aws:s3/bucket:Bucket") is None
