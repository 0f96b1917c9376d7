"""Graphs that most tests ask: one run of the program each, recorded and never changed."""

import pytest

from tests.graph import harness
from tests.graph.recorded import Graph

PROXMOX_STACK = "test-cluster"
METAL_STACK = "home-ops"


@pytest.fixture(scope="session")
def graph() -> Graph:
    return harness.run(PROXMOX_STACK)


@pytest.fixture(scope="session")
def preview() -> Graph:
    return harness.run(PROXMOX_STACK, preview=True)


@pytest.fixture(scope="session")
def metal() -> Graph:
    return harness.run(METAL_STACK)


@pytest.fixture(scope="session")
def metal_preview() -> Graph:
    return harness.run(METAL_STACK, preview=True)
