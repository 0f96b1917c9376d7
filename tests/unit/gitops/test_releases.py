"""Charts that the trees name: from where, in which version, and what becomes of one that fails."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.components.committed import ROOT

pytestmark = pytest.mark.unit

INFRASTRUCTURE = ROOT / "gitops" / "infrastructure"
EXACT = re.compile(r"v?\d+\.\d+\.\d+")


@cache
def of(kind: str) -> dict[str, dict[str, Any]]:
    """Objects of a kind by the file that they stand in."""
    return {
        str(path.relative_to(INFRASTRUCTURE)): found
        for path in sorted(INFRASTRUCTURE.rglob("*.yaml"))
        for found in yaml.safe_load_all(path.read_text())
        if found["kind"] == kind
    }


def listed(folder: Path) -> list[str]:
    """What a folder's kustomization.yaml takes in."""
    found: list[str] = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return found


def test_there_are_charts() -> None:
    assert len(of("HelmRelease")) > 10


@pytest.mark.parametrize("file", of("HelmRelease"))
def test_a_release_has_an_exact_version_of_a_source_that_there_is(file: str) -> None:
    chart = of("HelmRelease")[file]["spec"]["chart"]["spec"]
    assert EXACT.fullmatch(chart["version"])
    names = {found["metadata"]["name"] for found in of("HelmRepository").values()}
    assert chart["sourceRef"]["name"] in names
    assert chart["sourceRef"]["namespace"] == "flux-system"


@pytest.mark.parametrize("file", of("HelmRelease"))
def test_a_release_that_failed_is_tried_again(file: str) -> None:
    spec = of("HelmRelease")[file]["spec"]
    for action in ("install", "upgrade"):
        tried = spec[action].get("remediation", {}).get("retries", 0) != 0
        assert tried or spec[action]["strategy"]["name"] == "RetryOnFailure"
        assert spec[action]["crds"] in ("CreateReplace", "Skip")


def test_every_source_is_listed_used_and_reached_over_tls() -> None:
    sources = of("HelmRepository")
    used = {
        found["spec"]["chart"]["spec"]["sourceRef"]["name"] for found in of("HelmRelease").values()
    }
    assert {found["metadata"]["name"] for found in sources.values()} == used
    assert {f"sources/{name}" for name in listed(INFRASTRUCTURE / "sources")} == set(sources)
    assert all(found["spec"]["url"].startswith("https://") for found in sources.values())
