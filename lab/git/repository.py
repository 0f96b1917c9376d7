"""The bare repository that is served: one branch with the committed `gitops/` tree on it.

Made with Git itself. The same tree gives the same first commit everywhere: author and time are
fixed. What was pushed stays; a start adds a commit only when the committed tree is another one. It
serves nothing.
"""

import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

BRANCH: Final = "main"
SECONDS: Final = 60
_AUTHOR: Final = {"NAME": "lab", "EMAIL": "lab@localhost", "DATE": "2026-01-01T00:00:00+0000"}


class GitError(ValueError):
    """Git refused; the sentence is Git's own."""


def environment(home: Path) -> dict[str, str]:
    """Git without anybody's settings, the same author and time always."""
    fixed = {
        f"GIT_{who}_{key}": value
        for who in ("AUTHOR", "COMMITTER")
        for key, value in _AUTHOR.items()
    }
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        **fixed,
    }


def _git(home: Path, *arguments: str, **more: str) -> bytes:
    # The tree may belong to another user of a user namespace; it is only read.
    command = ["git", "-c", "safe.directory=*", *arguments]
    done = subprocess.run(
        command,
        env=environment(home) | more,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise GitError(f"git {' '.join(arguments[:4])}: {said}")
    return done.stdout


@dataclass(frozen=True)
class Repository:
    """A bare repository in `directory`, fed from the checkout at `source`."""

    directory: Path
    source: Path
    folder: str = "gitops"

    @property
    def path(self) -> Path:
        """The bare repository."""
        return self.directory / "repository.git"

    def refresh(self) -> str:
        """Bring the branch to the committed tree; the commit the branch is at."""
        if not self.path.is_dir():
            self.directory.mkdir(parents=True, exist_ok=True)
            branch = f"--initial-branch={BRANCH}"
            _git(self.directory, "init", "--quiet", "--bare", branch, str(self.path))
            self._own("config", "http.receivepack", "true")
        tree = self._committed_tree()
        head = self.head()
        if head is None or self._own("rev-parse", f"{head}^{{tree}}") != tree:
            parents = ("-p", head) if head else ()
            head = self._own("commit-tree", tree, *parents, "-m", f"The committed {self.folder}")
            self._own("update-ref", f"refs/heads/{BRANCH}", head)
        return head

    def head(self) -> str | None:
        """The commit the branch is at; None in an empty repository."""
        try:
            return self._own("rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}")
        except GitError:
            return None

    def _own(self, *arguments: str, **more: str) -> str:
        done = _git(self.directory, f"--git-dir={self.path}", *arguments, **more)
        return done.decode().strip()

    def _committed_tree(self) -> str:
        """The committed folder as a tree of the bare repository, under its own name."""
        where = ("-C", str(self.source), "archive", "--format=tar", "HEAD", self.folder)
        archive = _git(self.directory, *where)
        with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
            with tarfile.open(fileobj=BytesIO(archive)) as tar:
                tar.extractall(scratch, filter="data")
            places = {"GIT_WORK_TREE": scratch, "GIT_INDEX_FILE": f"{scratch}.index"}
            try:
                self._own("add", "--all", "--force", ".", **places)
                return self._own("write-tree", **places)
            finally:
                Path(f"{scratch}.index").unlink(missing_ok=True)
