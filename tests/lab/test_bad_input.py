"""Bad input through the real commands: one clear message, an exit code, no traceback.

`docs/errors.md` has what was said; `HEARTH_RECORD=1` writes it anew.
"""

import subprocess
from pathlib import Path

import pytest

from lab.error_page import Row, compare, normalised
from tests.lab.bad_input import CASES, Case

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def said(done: "subprocess.CompletedProcess[str]") -> str:
    """What a user reads as the error: the engine's diagnostics, or what came on stderr."""
    if "Diagnostics:" in done.stdout:
        return done.stdout.partition("Diagnostics:")[2].partition("Resources:")[0]
    return done.stderr or done.stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_one_clear_error(case: Case, tmp_path: Path) -> None:
    done = case.run(tmp_path)
    told = said(done)
    assert done.returncode != 0, told
    assert "Traceback" not in done.stdout + done.stderr
    assert [word for word in case.says if word not in told] == [], told
    compare(
        Row(
            area=case.area,
            name=case.name,
            wrong=case.wrong,
            exit_code=done.returncode,
            said=normalised(told.replace(str(tmp_path), "FOLDER"))[: case.lines],
            remedy=case.remedy,
        )
    )
