"""Running the project as somebody who is not root, on a machine where the tests are.

Root's own folders (a Python below /root, the cache of tools, pytest's folders) are closed to
others. So the user gets a private view of the file system, in which the folders that are needed,
and nothing else of root's, stand open at their usual places. Nothing outside that view is changed.
"""

import os
import pwd
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.tools import ensure
from lab.tools.cache import default_root

ROOT = Path(__file__).resolve().parents[2]
PASSABLE = "mode=755"  # of what covers a closed folder
STAGE = Path("/mnt")  # covered in the private view only


@dataclass(frozen=True)
class OrdinaryUser:
    """A user id that nobody has, and a copy of the project that belongs to it."""

    uid: int
    tree: Path

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` in the copy as this user, without any capability."""
        needed = {Path(sys.base_prefix), Path(sys.prefix).resolve(), default_root(), self.tree}
        lines = ["set -e", *opened(sorted(needed))]
        environment = {
            "HOME": str(self.tree / ".home"),
            "XDG_CACHE_HOME": str(default_root().parent),
            "USER": "ordinary",
            "LOGNAME": "ordinary",
        }
        dropped = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}"]
        dropped += ["--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
        dropped += ["env", f"--chdir={self.tree}"]
        dropped += [f"{name}={value}" for name, value in environment.items()]
        lines.append(f"exec {shlex.join([*dropped, *argv])}")
        view = ["unshare", "--mount", "--propagation=private", "sh", "-c", "\n".join(lines)]
        return [*view, "ordinary-user"]


def ordinary_user(folder: Path) -> OrdinaryUser:
    """Make one in `folder`: what git knows or would add is copied, with this environment's Python.

    Bytecode of what is used comes along with it: the user's own copy, like everything else.
    """
    tree = folder / "hearth"
    ensure()  # what is not in the cache yet, its owner puts there
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists() or (ROOT / name).is_symlink():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name, follow_symlinks=False)
    (tree / ".venv").symlink_to(Path(sys.prefix).resolve())
    (tree / ".home").mkdir()
    user = OrdinaryUser(uid=unused_uid(), tree=tree)
    for path in [tree, *tree.rglob("*")]:
        os.chown(path, user.uid, user.uid, follow_symlinks=False)
    return user


def unused_uid() -> int:
    """A user id without a name: no file, process or limit of anybody's is touched."""
    known = {entry.pw_uid for entry in pwd.getpwall()}
    running = {path.stat().st_uid for path in Path("/proc").glob("[0-9]*") if path.exists()}
    return next(uid for uid in range(60100, 65000) if uid not in known | running)


def opened(needed: Iterable[Path]) -> list[str]:
    """Shell lines that open closed parents: each is covered, and what is needed put back."""
    found = {path: outermost_closed(path) for path in needed}
    closed = {path: parent for path, parent in found.items() if parent}
    lines = [f"mount -t tmpfs tmpfs {STAGE}"]
    for number, path in enumerate(closed):
        lines += [
            f"mkdir {STAGE}/{number}",
            f"mount --bind {shlex.quote(str(path))} {STAGE}/{number}",
        ]
    for parent in sorted(set(closed.values())):
        lines.append(f"mount -t tmpfs -o {PASSABLE} tmpfs {shlex.quote(str(parent))}")
    for number, path in enumerate(closed):
        place = shlex.quote(str(path))
        lines += [f"mkdir -p {place}", f"mount --bind {STAGE}/{number} {place}"]
    return lines


def outermost_closed(path: Path) -> Path | None:
    """The first folder above `path` that others may not pass through."""
    for parent in reversed(path.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None
