"""Key pairs for tests, as ssh-keygen makes them."""

import subprocess
from pathlib import Path


def make_key(path: Path) -> str:
    """A key pair; the public half."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, timeout=20)
    return path.with_suffix(".pub").read_text().strip()
