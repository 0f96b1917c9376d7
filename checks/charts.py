"""Fetches the charts that trees name, so that their values can be looked at. Asks their servers.

Nothing else of the checks asks anybody outside. What was fetched stays, and is judged from then on.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from checks.tree.chart_values import Archive, archive_of
from checks.tree.model import Tree

SECONDS = 120
OCI = "oci://"


def fetch(trees: Iterable[Tree], helm: Path, folder: Path) -> list[str]:
    """Fetch whatever is not there yet; what could not be had, each in a line."""
    wanted = {one for tree in trees for one in archives(tree)}
    missing = [one for one in sorted(wanted, key=str) if not one.path(folder).is_file()]
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        told = workers.map(lambda one: pulled(one, helm, folder), missing)
        return [line for line in told if line]


def archives(tree: Tree) -> Iterator[Archive]:
    """Where the charts of a tree's releases are fetched."""
    for release in tree.releases:
        if archive := archive_of(tree, release):
            yield archive


def pulled(archive: Archive, helm: Path, folder: Path) -> str:
    """Fetch one; "" or why it could not be had."""
    name = f"chart {archive.name} {archive.version}"
    where = (
        [f"{archive.url.rstrip('/')}/{archive.name}"]
        if archive.url.startswith(OCI)
        else [archive.name, "--repo", archive.url]
    )
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as place:
        command = [str(helm), "pull", *where, "--version", archive.version, "-d", place]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{name}: no answer of {archive.url} within {SECONDS} s"
        made = next(Path(place).glob("*.tgz"), None)
        if done.returncode != 0 or made is None:
            return f"{name}: {done.stderr.strip()}"
        made.rename(archive.path(folder))
        return ""
