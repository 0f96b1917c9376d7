"""The Git server of a lab as its owner had set it up: a host key, and who may come in.

The host key is made once for a lab and stays as long as its folder, as a real server's would; the
deploy key is the lab's, out of the overlay. It serves nothing: `lab/git` does.
"""

from pathlib import Path

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HOST_KEY = "ssh_host_ed25519_key"


def host_key_path(state: Path) -> Path:
    """Where the host key of a lab lies."""
    return state / "git-server" / HOST_KEY


def host_key(state: Path) -> str:
    """The public half of a lab's host key, which is made where there is none: type and key."""
    path = host_key_path(state)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(
            Ed25519PrivateKey.generate().private_bytes(
                form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()
            )
        )
    key = form.load_ssh_private_key(path.read_bytes(), password=None)
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    return public.decode()


def known_hosts(name: str, port: int, key: str) -> str:
    """The line of an OpenSSH known_hosts for a server."""
    return f"{name if port == 22 else f'[{name}]:{port}'} {key}"
