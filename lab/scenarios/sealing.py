"""A secret as a person seals it before there is a cluster, and what a cluster's key makes of it.

Both are done by the real kubeseal: sealing with nothing but the certificate in the stack's file,
opening with the key that lies in the cluster, as after a loss (`--recovery-unseal`). Whether the
controller in the cluster opens it too is not asked here.
"""

import json
import subprocess
from base64 import b64decode

from config.identity import IDENTITY_KEY, read_identity
from config.load import read_stack_file
from lab.scenarios.rehearsal import CLIENT_SECONDS, Failed, Rehearsal

NAME, KEY = "sealed-before", "word"
NAMESPACE, SEED = "sealed-secrets", "sealed-secrets-key"


def seal(rehearsal: Rehearsal, word: str) -> str:
    """Return the SealedSecret, as JSON, that anybody who knows the certificate can make."""
    file = read_stack_file(rehearsal.engine.project / f"Pulumi.{rehearsal.stack}.yaml")
    identity = read_identity(file.config.get(IDENTITY_KEY), rehearsal.stack)
    if identity is None:
        raise Failed(f"the file of {rehearsal.stack} holds no identity to seal against")
    certificate = rehearsal.directory / "sealed-secrets.crt"
    certificate.write_text(identity.sealed_secrets_certificate)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "stringData": {KEY: word},
    }
    return _kubeseal(rehearsal, json.dumps(secret), "--cert", str(certificate), "--format", "json")


def unseal(rehearsal: Rehearsal, sealed: str) -> str:
    """Return what was sealed, with the key in the cluster."""
    key = rehearsal.directory / "sealed-secrets.key"
    key.touch(mode=0o600)
    try:
        key.write_bytes(rehearsal.secret(NAMESPACE, SEED)["tls.key"])
        words = ("--recovery-unseal", "--recovery-private-key", str(key))
        opened = _kubeseal(rehearsal, sealed, *words)
    finally:
        key.unlink()
    return b64decode(json.loads(opened)["data"][KEY]).decode()


def _kubeseal(rehearsal: Rehearsal, text: str, *arguments: str) -> str:
    done = subprocess.run(
        ["kubeseal", *arguments],
        input=text,
        env=rehearsal.engine.environment,
        capture_output=True,
        text=True,
        timeout=CLIENT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"kubeseal {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
