"""Encrypts values as a stack's secrets, by the engine's own CLI, without touching the stack.

A throw-away project in a folder of its own carries a stack of the same name and the same
`encryptionsalt`; values go in by standard input, never on a command line. `pulumi config set` would
rewrite a stack file without its comments, so the real one is never shown to it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from config.stack_edit import SALT
from ops.errors import VerbError

PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the variable's name
PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"  # noqa: S105
DEADLINE_SECONDS = 120
_PROJECT = "name: hearth\nruntime: yaml\ndescription: throw-away project that only encrypts\n"


def passphrase(environment: Mapping[str, str]) -> str:
    """The passphrase as the engine would find it; VerbError when there is none."""
    if environment.get(PASSPHRASE):
        return environment[PASSPHRASE]
    if environment.get(PASSPHRASE_FILE):
        path = Path(environment[PASSPHRASE_FILE])
        try:
            text = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise VerbError(f"{PASSPHRASE_FILE} names {path}: {error.strerror}.") from None
        if text:
            return text
    raise VerbError(
        f"No passphrase: set {PASSPHRASE_FILE} to a file that holds it (or {PASSPHRASE} itself)."
    )


def find_pulumi(environment: Mapping[str, str]) -> str:
    """The engine's CLI on PATH; VerbError when there is none."""
    found = shutil.which("pulumi", path=environment.get("PATH", os.defpath))
    if found is None:
        raise VerbError(
            "pulumi is not on PATH; `make tools` finds, fetches or builds it, and says where it is."
        )
    return found


class Encryptor:
    """A throw-away project with one stack, whose secrets fit the real one's salt."""

    def __init__(self, pulumi: str, folder: Path, stack: str, secret: str) -> None:
        self.stack = stack
        self.file = folder / f"Pulumi.{stack}.yaml"
        self._pulumi = pulumi
        self._folder = folder
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            PASSPHRASE: secret,
        }

    def start(self, salt: str | None) -> None:
        """Make the project; VerbError when the passphrase does not open the salt."""
        (self._folder / "state").mkdir()
        (self._folder / "Pulumi.yaml").write_text(_PROJECT)
        if salt:
            self.file.write_text(f"{SALT}: {salt}\n")
        self._run("stack", "init", self.stack)

    @property
    def salt(self) -> str:
        """The salt that the values are encrypted under."""
        return str(yaml.safe_load(self.file.read_text())[SALT])

    def encrypted(self, key: str, value: str) -> str:
        """The cipher text of a value under a config key."""
        # The CLI takes one line end off what it reads, and an OpenSSH key must keep its own.
        self._run("config", "set", "--secret", "--stack", self.stack, key, given=f"{value}\n")
        return str(yaml.safe_load(self.file.read_text())["config"][key]["secure"])

    def _run(self, *words: str, given: str = "") -> None:
        try:
            done = subprocess.run(
                [self._pulumi, *words, "--non-interactive"],
                cwd=self._folder,
                env=self._environment,
                input=given,
                capture_output=True,
                text=True,
                timeout=DEADLINE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise VerbError(f"pulumi gave no answer within {DEADLINE_SECONDS} s.") from None
        if done.returncode == 0:
            return
        if "incorrect passphrase" in done.stderr:
            raise VerbError(
                f"The passphrase does not open Pulumi.{self.stack}.yaml: {PASSPHRASE} or "
                f"{PASSPHRASE_FILE} holds another one than its secrets were written with."
            )
        raise VerbError(f"pulumi {' '.join(words[:2])} failed: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


@contextmanager
def encryptor(stack: str, salt: str | None, environment: Mapping[str, str]) -> Iterator[Encryptor]:
    """An encryptor for a stack's salt, or for a new one; its folder is gone afterwards."""
    secret = passphrase(environment)
    pulumi = find_pulumi(environment)
    with tempfile.TemporaryDirectory(prefix="hearth-encrypt-") as folder:
        made = Encryptor(pulumi, Path(folder), stack, secret)
        made.start(salt)
        yield made
