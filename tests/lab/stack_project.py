"""The real project in a folder of its own: the program as it is, a stack file to be spoilt.

Everything of the program is linked; `__main__.py` is copied, because it takes the folder it lies in
for the project. The engine finds our language host on PATH and needs no other plugin: what these
tests are about ends before any provider is called.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from config.identity import DEPLOY_KEY, IDENTITY_KEY, LAB_PASSPHRASE
from config.load import read_stack_file
from config.stack_edit import SALT, object_lines, with_key, without_key
from lab.stackfile import apply_overlay
from ops.keys import new_identity
from tests.lab.tools_bin import tool

ROOT = Path(__file__).resolve().parents[2]
STACK = "test-cluster"
PARTS = ("checks", "config", "components", "provider", "stacks", "Pulumi.yaml", ".venv")
SECONDS = 100


@dataclass(frozen=True, kw_only=True)
class StackProject:
    """A copy of a committed stack, and the engine over it."""

    folder: Path
    stack: str
    path: Path
    environment: Mapping[str, str]

    def pulumi(
        self, *words: str, given: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """The CLI to its end; `given` is what it reads."""
        return subprocess.run(
            [str(tool("pulumi")), *words, "--non-interactive"],
            cwd=self.folder,
            env={**self.environment, **environment},
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def up(self, **environment: str) -> "subprocess.CompletedProcess[str]":
        """`pulumi up`, in a backend that has the stack."""
        self.select()
        words = ("up", "--yes", "--skip-preview", "--stack", self.stack, "--color=never")
        return self.pulumi(*words, **environment)

    def select(self) -> None:
        """Make the stack in the backend, unless it is there."""
        done = self.pulumi("stack", "select", "--create", self.stack)
        assert done.returncode == 0, done.stderr

    def replace(self, words: Mapping[str, str]) -> None:
        """Put other words into the stack file."""
        text = self.path.read_text()
        for old, new in words.items():
            assert old in text
            text = text.replace(old, new)
        self.path.write_text(text)

    def drop(self, *keys: str) -> None:
        """Take keys out of the stack file."""
        text = self.path.read_text()
        for key in keys:
            text = without_key(text, key)
        self.path.write_text(text)

    def own_identity(self) -> None:
        """Take the lab's secrets out and have `identity init` make an identity of its own."""
        secrets = [
            key
            for key, value in read_stack_file(self.path).config.items()
            if isinstance(value, Mapping) and "secure" in value
        ]
        self.drop(*secrets, IDENTITY_KEY)
        lines = self.path.read_text().splitlines(keepends=True)
        self.path.write_text("".join(line for line in lines if not line.startswith(SALT)))
        self.hearth("identity", "init", self.stack, "-C", str(self.folder))

    def hearth(self, *words: str) -> None:
        """`./hearth` in this project's environment; it has to succeed."""
        done = subprocess.run(
            [str(ROOT / "hearth"), *words],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def copy_identity(self, other: str) -> None:
        """A second stack with this one's public halves and nothing else."""
        halves = read_stack_file(self.path).config[IDENTITY_KEY]
        text = with_key("config:\n", IDENTITY_KEY, object_lines(halves))
        (self.folder / f"Pulumi.{other}.yaml").write_text(text)

    def labs_secrets(self) -> None:
        """Give the stack every secret that it needs, as a rehearsal does."""
        overlay = yaml.safe_load((ROOT / "lab" / "overlay" / self.path.name[7:]).read_text())
        self.path.write_text(apply_overlay(self.path.read_text(), overlay)[0])

    def foreign_deploy_key(self) -> None:
        """Set a deploy key that is another identity's."""
        _, private = new_identity("another", with_age=False)
        self.select()
        words = ("config", "set", "--secret", DEPLOY_KEY, "--stack", self.stack)
        done = self.pulumi(*words, given=private[DEPLOY_KEY])
        assert done.returncode == 0, done.stderr


def project(
    folder: Path,
    *,
    stack: str = STACK,
    file: str = STACK,
    passphrase: str = LAB_PASSPHRASE,
) -> StackProject:
    """The project with the committed file of one stack."""
    for part in PARTS:
        (folder / part).symlink_to(ROOT / part)
    shutil.copy(ROOT / "__main__.py", folder)
    path = folder / f"Pulumi.{file}.yaml"
    shutil.copy(ROOT / path.name, path)
    plugins = ROOT / "lab" / "plugins" / "bin"
    own = folder / "engine"
    own.mkdir()
    environment = {
        "PATH": f"{plugins}:{tool('pulumi').parent}:{os.environ['PATH']}",
        "HOME": str(own),
        "PULUMI_HOME": str(own),
        "PULUMI_BACKEND_URL": f"file://{own}",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_CONFIG_PASSPHRASE": passphrase,
    }
    return StackProject(folder=folder, stack=stack, path=path, environment=environment)
