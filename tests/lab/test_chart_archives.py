"""Charts out of a repository, fetched by the real helm, and what their archives say of values."""

import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from checks.charts import pulled
from checks.tree.chart_values import Archive, unpacked
from tests.lab.tools_bin import tool

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

CHART = Path(__file__).resolve().parents[1] / "fixtures/trees/helm-values/good/charts/lifecycle"


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing of it."""

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A Helm repository with the chart lifecycle 0.1.2."""
    folder = tmp_path / "repository"
    chart = tmp_path / "lifecycle"
    folder.mkdir()
    chart.mkdir()
    for file in CHART.iterdir():
        text = file.read_text().partition("dependencies:")[0]
        (chart / file.name).write_text(text)
    for words in (["package", str(chart), "-d", str(folder)], ["repo", "index", str(folder)]):
        subprocess.run([tool("helm"), *words], check=True, capture_output=True, timeout=60)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_chart_is_fetched_once_and_says_what_it_takes(repository: str, tmp_path: Path) -> None:
    archive = Archive(url=repository, name="lifecycle", version="0.1.2")
    assert pulled(archive, tool("helm"), tmp_path) == ""
    (kept,) = tmp_path.glob("*.tgz")
    assert kept == archive.path(tmp_path)
    found = unpacked(kept)
    assert found.values["cgroup"] == {"autoMount": True}
    assert found.schema["properties"]["replicas"]["type"] == "integer"


def test_a_chart_that_is_not_there_is_told_and_leaves_nothing(
    repository: str, tmp_path: Path
) -> None:
    archive = Archive(url=repository, name="lifecycle", version="9.9.9")
    said = pulled(archive, tool("helm"), tmp_path)
    assert said.startswith("chart lifecycle 9.9.9: ")
    assert "9.9.9" in said.partition(": ")[2]
    assert not list(tmp_path.glob("*.tgz"))
