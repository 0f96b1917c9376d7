"""A secret as a person seals it before there is a cluster, and what a cluster makes of it.

The real kubeseal seals it with nothing but the certificate in the stack's file; the controller that
Flux installed opens it, with the key that the program seeded before it.
"""

import json
import subprocess

from config.identity import IDENTITY_KEY, read_identity
from config.load import read_stack_file
from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import CLIENT_SECONDS, Failed, Rehearsal

NAME, KEY = "sealed-before", "word"
NAMESPACE = "sealed-secrets"
SECONDS = 30.0


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


def opened(rehearsal: Rehearsal, sealed: str) -> str:
    """What the cluster's controller makes of a SealedSecret, which is taken away again."""
    path = rehearsal.directory / "sealed.json"
    path.write_text(sealed)
    rehearsal.kubectl("apply", "-f", str(path))
    wait_until(lambda: exists(rehearsal), SECONDS, "the sealed-secrets controller to open a secret")
    word = rehearsal.secret(NAMESPACE, NAME)[KEY].decode()
    rehearsal.kubectl("delete", "-f", str(path), f"--timeout={SECONDS:.0f}s")
    return word


def exists(rehearsal: Rehearsal) -> bool:
    """Whether the Secret is there that a SealedSecret is to become."""
    args = ("-n", NAMESPACE, "get", "secret", NAME, "--ignore-not-found", "-o", "name")
    return bool(rehearsal.kubectl(*args).strip())


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
