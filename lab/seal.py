"""Writes `lab/overlay/<stack>.yaml`: an identity and every secret of a stack, the lab's own.

    python -m lab.seal [STACK ...]

What an overlay already has stays; what the stack's facts need besides is sealed under the lab's
public passphrase. The values are made up here, in the forms that their readers check: none of them
opens anything. Needs the Pulumi CLI on PATH.
"""

import base64
import json
import os
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from config.identity import IDENTITY_KEY, LAB_IDENTITIES_FILE, LAB_PASSPHRASE, is_the_labs
from config.identity import read_identity as identity_of
from config.load import StackFile, load_cluster, read_stack_file, stack_paths
from config.secret_keys import (
    CLOUDFLARE_TOKEN,
    ONE_PASSWORD_CREDENTIALS,
    ONE_PASSWORD_TOKEN,
    PROXMOX_AUTH,
    PROXMOX_TOKEN,
    TAILSCALE_AUTH_KEY,
    needed,
)
from config.stack_edit import SALT, object_lines, secret_lines, with_key, with_salt
from config.yaml_text import parse
from lab.stackfile import secrets_of
from ops.encrypt import PASSPHRASE, encryptor
from ops.errors import VerbError
from ops.identity import OWN_KEYS, remember
from ops.keys import new_identity

ROOT = Path(__file__).resolve().parent.parent
OVERLAYS = ROOT / "lab" / "overlay"
HEAD = """# What a rehearsal replaces in its copy of Pulumi.{stack}.yaml: the salt, the identity and
# every secret, all the lab's own and worth nothing. Plain facts stay as they are committed, byte
# for byte, but for gitops.knownHosts: the lab's Git server has a host key of its own.
# `python -m lab.seal {stack}` adds what is missing; the passphrase is public on purpose.
passphrase: {passphrase}
config:
"""


def _sealed_text(name: str) -> str:
    """Bytes that look like a key's, the same ones in every run."""
    digest = uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.lab.hearth").bytes * 2
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _json_web_token(stack: str) -> str:
    parts = (
        {"alg": "ES256", "kid": "lab", "typ": "JWT"},
        {"iss": "com.1password.b5", "aud": ["com.1password.connect"], "sub": f"LAB-{stack}"},
    )
    encoded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    ]
    return ".".join([*encoded, _sealed_text(f"signature-{stack}")])


def _credentials(stack: str) -> str:
    """The fields of a `1password-credentials.json`, version 2."""
    return json.dumps(
        {
            "verifier": {"salt": _sealed_text("salt"), "localHash": _sealed_text("hash")},
            "encCredentials": {
                "kid": "localauthv2keykid",
                "enc": "A256GCM",
                "cty": "b5+jwk+json",
                "iv": _sealed_text("iv"),
                "data": _sealed_text(f"data-{stack}"),
            },
            "version": "2",
            "deviceUuid": f"lab{stack}",
            "uniqueKey": {
                "alg": "A256GCM",
                "ext": True,
                "k": _sealed_text("key"),
                "key_ops": ["encrypt", "decrypt"],
                "kty": "oct",
                "kid": "lab",
            },
        }
    )


def lab_values(stack: str) -> dict[str, str]:
    """Every secret that is no key of the identity, as the lab has it."""
    token = uuid.uuid5(uuid.NAMESPACE_DNS, f"{stack}.proxmox.lab.hearth")
    return {
        PROXMOX_TOKEN: f"hearth@pve!lab={token}",
        PROXMOX_AUTH: json.dumps({"username": "root@pam", "password": LAB_PASSPHRASE}),
        TAILSCALE_AUTH_KEY: f"tskey-auth-lab{stack.replace('-', '')}-{_sealed_text(stack)}",
        CLOUDFLARE_TOKEN: f"lab_{_sealed_text(f'cloudflare-{stack}')}"[:40],
        ONE_PASSWORD_CREDENTIALS: _credentials(stack),
        ONE_PASSWORD_TOKEN: _json_web_token(stack),
    }


def begun(file: StackFile, overlays: Path) -> str:
    """The overlay as it stands, or a new one that takes a committed identity of the lab over."""
    path = overlays / f"{file.stack}.yaml"
    if path.exists():
        return path.read_text()
    text = HEAD.format(stack=file.stack, passphrase=LAB_PASSPHRASE)
    public = identity_of(file.config.get(IDENTITY_KEY), file.stack)
    if public is None or not is_the_labs(public):
        return text
    text = with_salt(text, str(file.settings[SALT]))
    text = with_key(text, IDENTITY_KEY, object_lines(file.config[IDENTITY_KEY]))
    for key, cipher in secrets_of(file.config).items():
        if key in OWN_KEYS:
            text = with_key(text, key, secret_lines(cipher))
    return text


def sealed(
    file: StackFile,
    environment: Mapping[str, str],
    overlays: Path = OVERLAYS,
    known: Path = LAB_IDENTITIES_FILE,
) -> str:
    """The overlay's text with everything that the stack's facts need.

    Fingerprints of an identity that has to be made for it are added to the `known` ones.
    """
    stack, cluster = file.stack, load_cluster(file.cluster, file.stack)
    text = begun(file, overlays)
    data: Any = parse(text, stack)
    config = data.get("config") or {}
    with encryptor(stack, data.get(SALT), environment) as lab:
        text = with_salt(text, lab.salt)
        values = lab_values(stack)
        if IDENTITY_KEY not in config:
            public, private = new_identity(stack, with_age=cluster.seeds.sops_age)
            halves = public.model_dump(by_alias=True, exclude_none=True)
            text = with_key(text, IDENTITY_KEY, object_lines(halves))
            remember(known, stack, public)
            values |= private
        for key in needed(cluster):
            if key not in config:
                text = with_key(text, key, secret_lines(lab.encrypted(key, values[key])))
    return text


def main(argv: list[str]) -> int:
    """Seal the overlays of the named stacks, or of all."""
    environment = {**os.environ, PASSPHRASE: LAB_PASSPHRASE}
    paths = stack_paths(ROOT)
    unknown = [stack for stack in argv if stack not in paths]
    if unknown:
        print(
            f"seal: no stack {', '.join(unknown)}; known are: {', '.join(paths)}.", file=sys.stderr
        )
        return 1
    try:
        for stack in argv or paths:
            text = sealed(read_stack_file(paths[stack]), environment)
            (OVERLAYS / f"{stack}.yaml").write_text(text)
            print(f"lab/overlay/{stack}.yaml: {', '.join(secrets_of(parse_config(text, stack)))}")
    except (VerbError, ConfigError) as error:
        print(f"seal: {error}", file=sys.stderr)
        return 1
    return 0


def parse_config(text: str, stack: str) -> Mapping[str, Any]:
    """The keys below `config:` of an overlay."""
    data: Any = parse(text, stack)
    found: Mapping[str, Any] = data["config"]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
