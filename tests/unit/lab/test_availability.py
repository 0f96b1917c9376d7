"""The watch over an endpoint: silence is measured from the last good answer, whatever broke it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.scenarios.availability import Availability
from tests.lab.waiting import wait_until
from tests.unit.provider.kube_api import KubeApi, kube_api

pytestmark = [pytest.mark.unit, pytest.mark.timeout(20)]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubeApi]:
    with kube_api(tmp_path) as running:
        yield running


def test_an_api_that_is_not_ready_is_silent_until_it_is(api: KubeApi) -> None:
    with Availability(api.kubeconfig(), api.server.url) as watch:
        wait_until(lambda: watch.asked >= 1, "a first question")
        api.ready = (500, "etcd failed")
        wait_until(lambda: watch.last_words == "HTTP 500 from /readyz", "a silence")
        while_silent = watch.asked
        wait_until(lambda: watch.asked >= while_silent + 2, "more of it")
        api.ready = (200, "ok")
        wait_until(lambda: watch.asked >= while_silent + 5, "an end of it")
    assert watch.longest_silence >= 0.5


def test_an_endpoint_without_anybody_is_told_in_the_librarys_words(api: KubeApi) -> None:
    with Availability(api.kubeconfig(), "https://127.0.0.1:9") as watch:
        wait_until(lambda: bool(watch.last_words), "a silence")
    assert "refused" in watch.last_words
