"""What somebody who is not root meets: namespaces, or the way to have them allowed.

That the core rehearsal passes for such a user is seen in `test_rehearsal`.
"""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
# A namespace of our own in which the kernel lets nobody make another: the host's limit stays.
FORBID = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
FORBIDDEN = ["unshare", "--user", "--map-root-user", "sh", "-c", FORBID, "forbidden"]


@pytest.mark.parametrize("command", [["lab", "up", "--empty"], ["rehearse"], ["lab", "doctor"]])
def test_where_namespaces_are_forbidden_the_error_says_how_to_allow_them(
    command: list[str],
) -> None:
    done = subprocess.run(
        [*FORBIDDEN, sys.executable, "hearth", *command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "sudo sysctl -w user.max_user_namespaces=" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
