"""What a built program depends on, as a hash: a changed recipe is another cache entry.

The Go toolchain is left out on purpose: asking it costs a process on every run, and a program
built by another Go is as good.
"""

import hashlib
import platform
from collections.abc import Iterator
from pathlib import Path

from lab.tools.rows import CRD_OPTIONS, CrdBuild, GoBuild, Row

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def this_platform() -> str:
    """Return the platform in the vendors' words, e.g. `linux-amd64`."""
    machine = platform.machine()
    return f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"


def source_version(folder: Path) -> str:
    """Return the version of a module of our own: a hash over everything that is compiled into it.

    Tests and prose are left out. A folder that is not there has the hash of nothing; building it
    says what is wrong.
    """
    digest = hashlib.sha256()
    for path in _sources(folder):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).parts
        ignored = any(part.startswith(".") or part == "testdata" for part in inner)
        if path.is_file() and not ignored and not path.name.endswith(("_test.go", ".md")):
            yield path


def recipe(row: Row) -> str:
    """Return the hash of everything that decides what a row's program is."""
    digest = hashlib.sha256(f"{row.name} {row.version} {this_platform()}".encode())
    for release in row.releases:
        digest.update(f"\0{release!r}".encode())
    digest.update(_made_of(row.build).encode())
    for path in (module / name for module in row.modules for name in ("go.mod", "go.sum")):
        digest.update(path.read_bytes() if path.is_file() else b"-")
    return digest.hexdigest()


def _made_of(build: GoBuild | CrdBuild | None) -> str:
    if isinstance(build, GoBuild):
        return f"\0{build.package} {build.ldflags}"
    if build is None:
        return ""
    packages = " ".join(name for types in build.types for name in types.packages)
    return f"\0{packages} {' '.join(CRD_OPTIONS)} {recipe(build.generator)}"
