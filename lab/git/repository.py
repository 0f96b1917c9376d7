"""The bare repository that is served: one branch with the committed `gitops/` tree on it.

Made with Git itself. The same tree gives the same first commit everywhere: author and time are
fixed. What was pushed or committed here stays; a start adds a commit only when the committed tree
is another one. It serves nothing.
"""

import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

BRANCH: Final = "main"
SECONDS: Final = 60
NOTHING: Final[Mapping[str, str]] = {}
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
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        **fixed,
    }


def _git(
    home: Path, *arguments: str, stdin: bytes = b"", more: Mapping[str, str] = NOTHING
) -> bytes:
    # The tree may belong to another user of a user namespace; it is only read.
    command = ["git", "-c", "safe.directory=*", *arguments]
    done = subprocess.run(
        command,
        env={**environment(home), **more},
        input=stdin,
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
    """A bare repository in `directory`, fed from the checkout at `source`.

    `name` is the path that clients have to ask for; any path will do without one.
    """

    directory: Path
    source: Path
    folder: str = "gitops"
    name: str | None = None

    @property
    def path(self) -> Path:
        """The bare repository."""
        return self.directory / "repository.git"

    def is_called(self, path: str) -> bool:
        """Whether a client's path means this repository; `.git` may be left out, as anywhere."""
        return self.name is None or _bare(path) == _bare(self.name)

    def refresh(self) -> str:
        """Bring the branch to the committed tree; the commit the branch is at."""
        if not self.path.is_dir():
            self.directory.mkdir(parents=True, exist_ok=True)
            branch = f"--initial-branch={BRANCH}"
            _git(self.directory, "init", "--quiet", "--bare", branch, str(self.path))
            self._own("config", "http.receivepack", "true")
        tree = self._committed_tree()
        head = self.head()
        if head is None or self.tree(head) != tree:
            parents = ("-p", head) if head else ()
            head = self._own("commit-tree", tree, *parents, "-m", f"The committed {self.folder}")
            self._own("update-ref", f"refs/heads/{BRANCH}", head)
        return head

    def commit(self, message: str, files: Mapping[str, str | None]) -> str:
        """Put a commit on the branch as somebody's push would; the commit.

        `files` are whole texts by their paths, None for one that goes. GitError for a commit that
        would change nothing, and for what Git refuses.
        """
        parent = self.head()
        if parent is None:
            raise GitError(f"{self.path} has no branch {BRANCH} yet")
        # Git wants a work tree for what touches none.
        scratch = {"GIT_INDEX_FILE": "commit.index", "GIT_WORK_TREE": "."}
        with self._index(**scratch) as index:
            self._own("read-tree", parent, more=index)
            for path, text in files.items():
                self._stage(path, text, index)
            tree = self._own("write-tree", more=index)
        if tree == self.tree(parent):
            raise GitError(f"nothing to commit: {', '.join(files) or 'no file'} is as it was")
        commit = self._own("commit-tree", tree, "-p", parent, "-m", message)
        self._own("update-ref", f"refs/heads/{BRANCH}", commit, parent)
        return commit

    def tree(self, commit: str) -> str:
        """What a commit holds, as Git names it: the same for the same files."""
        return self._own("rev-parse", f"{commit}^{{tree}}")

    def head(self) -> str | None:
        """The commit the branch is at; None in an empty repository."""
        try:
            return self._own("rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}")
        except GitError:
            return None

    def _own(self, *arguments: str, stdin: bytes = b"", more: Mapping[str, str] = NOTHING) -> str:
        done = _git(self.directory, f"--git-dir={self.path}", *arguments, stdin=stdin, more=more)
        return done.decode().strip()

    @contextmanager
    def _index(self, **places: str) -> Iterator[dict[str, str]]:
        """An index that is nobody else's, gone afterwards; places are relative to `directory`."""
        found = {key: str(self.directory / value) for key, value in places.items()}
        try:
            yield found
        finally:
            Path(found["GIT_INDEX_FILE"]).unlink(missing_ok=True)

    def _stage(self, path: str, text: str | None, index: Mapping[str, str]) -> None:
        if text is not None:
            blob = self._own("hash-object", "-w", "--stdin", stdin=text.encode())
            self._own("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", more=index)
        elif self._own("ls-files", "--", path, more=index):
            self._own("update-index", "--force-remove", "--", path, more=index)
        else:
            raise GitError(f"{path} cannot go: it is not there")

    def _committed_tree(self) -> str:
        """The committed folder as a tree of the bare repository, under its own name.

        A checkout that is a copy without history has nothing else than what lies in the folder.
        """
        if not (self.source / ".git").exists():
            return self._written(self.source, self.folder)
        where = ("-C", str(self.source), "archive", "--format=tar", "HEAD", self.folder)
        archive = _git(self.directory, *where)
        with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
            with tarfile.open(fileobj=BytesIO(archive)) as tar:
                tar.extractall(scratch, filter="data")
            return self._written(Path(scratch), ".")

    def _written(self, place: Path, folder: str) -> str:
        """A folder as a tree of the bare repository."""
        index = str(self.directory / "tree.index")
        with self._index(GIT_WORK_TREE=str(place), GIT_INDEX_FILE=index) as places:
            self._own("add", "--all", "--force", folder, more=places)
            return self._own("write-tree", more=places)


def _bare(path: str) -> str:
    return path.strip("/").removesuffix(".git")
