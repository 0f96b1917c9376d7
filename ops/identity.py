"""`./hearth identity init|show STACK`: the keys that precede a cluster and outlive it.

`init` writes them into the stack file, private halves encrypted, and prints what to hand out. It
replaces an identity of the lab and no other: secrets in Git are sealed against it. `show` needs no
passphrase. Neither talks to a cluster.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from config.identity import (
    AGE_KEY,
    DEPLOY_KEY,
    IDENTITY_KEY,
    LAB_IDENTITIES_FILE,
    LAB_PASSPHRASE,
    SEALED_SECRETS_KEY,
    Identity,
    is_the_labs,
    read_identity,
)
from config.load import StackFile, no_such_stack, read_stack_file, stack_paths
from config.stack_edit import (
    SALT,
    object_lines,
    secret_lines,
    with_key,
    with_salt,
    without_key,
)
from ops.encrypt import encryptor, passphrase
from ops.errors import VerbError
from ops.keys import new_identity
from ops.verbs import run

ROOT = Path(__file__).resolve().parent.parent
OWN_KEYS = (SEALED_SECRETS_KEY, DEPLOY_KEY, AGE_KEY)

app = typer.Typer(
    name="identity",
    help="The keys that precede a cluster and outlive it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Stack = Annotated[str, typer.Argument(help="the stack, as in Pulumi.STACK.yaml")]
Folder = Annotated[Path, typer.Option("--cwd", "-C", help="where the stack files lie")]


def main(argv: list[str]) -> int:
    """Run one verb; its exit code."""
    return run(app, argv, "identity")


@app.command()
def init(
    stack: Stack,
    cwd: Folder = ROOT,
    *,
    lab: Annotated[
        bool, typer.Option("--lab", help="make it the lab's, whose passphrase is public")
    ] = False,
) -> None:
    """Make a stack's identity, write it into the stack file, and print its public halves."""
    file, path = find(cwd, stack)
    check_passphrase(passphrase(os.environ), lab=lab)
    replaced = replaceable(file)
    raw = file.cluster
    seeds = raw.get("seeds") if isinstance(raw, Mapping) else None
    with_age = isinstance(seeds, Mapping) and seeds.get("sopsAge") is True
    salt = None if replaced else salt_of(file)
    with encryptor(stack, salt, os.environ) as sealed:
        public, private = new_identity(stack, with_age=with_age)
        ciphers = {key: sealed.encrypted(key, value) for key, value in private.items()}
        text = edited(file.text, sealed.salt, public, ciphers)
    write(path, text)
    if lab:
        remember(cwd / LAB_IDENTITIES_FILE.relative_to(ROOT), stack, public)
    print(
        f"{path.name}: {'the lab identity was replaced' if replaced else 'an identity was added'}"
    )
    print(handed_out(stack, public))


@app.command()
def show(stack: Stack, cwd: Folder = ROOT) -> None:
    """Print the public halves and fingerprints of a stack's identity."""
    file, path = find(cwd, stack)
    public = read_identity(file.config.get(IDENTITY_KEY), stack)
    if public is None:
        raise VerbError(f"{path.name} has no identity; `./hearth identity init {stack}` makes one.")
    if is_the_labs(public):
        print("This identity is the lab's: anybody can read its private halves.")
    print(handed_out(stack, public))


def find(cwd: Path, stack: str) -> tuple[StackFile, Path]:
    """The stack's file, or the stacks that there are."""
    paths = stack_paths(cwd)
    if stack not in paths:
        raise VerbError(no_such_stack(stack, paths))
    return read_stack_file(paths[stack]), paths[stack]


def check_passphrase(secret: str, *, lab: bool) -> None:
    """The lab's passphrase protects the lab's identity, and nothing else."""
    if lab and secret != LAB_PASSPHRASE:
        raise VerbError(f"The lab's identities are written with its passphrase, {LAB_PASSPHRASE}.")
    if not lab and secret == LAB_PASSPHRASE:
        raise VerbError("This passphrase is the lab's, which is public: choose one of your own.")


def salt_of(file: StackFile) -> str | None:
    """The salt that the file's secrets are encrypted under."""
    if "secretsprovider" in file.settings:
        raise VerbError(
            f"Pulumi.{file.stack}.yaml has a secretsprovider; this command writes secrets that a "
            "passphrase protects, and would mix the two."
        )
    salt = file.settings.get(SALT)
    return None if salt is None else str(salt)


def replaceable(file: StackFile) -> bool:
    """Whether the lab's identity stands there; VerbError when somebody's own does."""
    public = read_identity(file.config.get(IDENTITY_KEY), file.stack)
    secrets = [key for key, value in file.config.items() if is_secret(value)]
    own = [key for key in OWN_KEYS if key in file.config]
    if public is None and not own:
        return False
    if public is None or not is_the_labs(public):
        keys = ", ".join([IDENTITY_KEY, *own] if public else own)
        raise VerbError(
            f"Pulumi.{file.stack}.yaml already has an identity ({keys}). Secrets in Git are sealed "
            "against it, so it is never replaced. To give it up for good, remove these keys from "
            "the file yourself, then run this again and seal every secret anew."
        )
    others = [key for key in secrets if key not in OWN_KEYS]
    if others:
        raise VerbError(
            f"{', '.join(others)} in Pulumi.{file.stack}.yaml: encrypted under the lab's public "
            "passphrase, as the lab's identity is. Remove them, run this again, then set them anew "
            "with `pulumi config set --secret`."
        )
    return True


def is_secret(value: object) -> bool:
    """Whether a config value is an encrypted one."""
    return isinstance(value, Mapping) and "secure" in value


def edited(text: str, salt: str, public: Identity, ciphers: Mapping[str, str]) -> str:
    """The stack file's text with the identity in it; every other byte as it was."""
    halves = public.model_dump(by_alias=True, exclude_none=True)
    text = with_key(with_salt(text, salt), IDENTITY_KEY, object_lines(halves))
    for key in OWN_KEYS:
        found = ciphers.get(key)
        text = with_key(text, key, secret_lines(found)) if found else without_key(text, key)
    return text


def write(path: Path, text: str) -> None:
    """Replace a file in one step: a full disk never leaves half of a stack."""
    mode = path.stat().st_mode
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", encoding="utf-8", delete=False
    ) as new:
        new.write(text)
    Path(new.name).chmod(mode)
    Path(new.name).replace(path)


def remember(path: Path, stack: str, public: Identity) -> None:
    """Add an identity's fingerprints to those that no real cluster may carry."""
    lines = [f"{mark} {stack}: {what}\n" for what, mark in public.fingerprints.items()]
    with path.open("a", encoding="utf-8") as known:
        known.writelines(lines)


def handed_out(stack: str, public: Identity) -> str:
    """The public halves, with what each is for."""
    marks = public.fingerprints
    lines = [
        "",
        f"Sealed-secrets certificate ({marks['sealed-secrets certificate']}):",
        f"  save it as {stack}.pem, then: kubeseal --cert {stack}.pem < secret.yaml",
        "",
        public.sealed_secrets_certificate.strip(),
        "",
        f"Deploy key ({marks['deploy key']}), to be added to the Git repository, read-only:",
        "",
        public.deploy_key_public,
    ]
    if public.age_recipient:
        lines += ["", "age recipient, for .sops.yaml:", "", public.age_recipient]
    return "\n".join(lines)
