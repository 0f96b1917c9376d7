"""What the program says it owns in the cluster is what a run of it registers."""

import pytest

from config.load import CLUSTER_KEY, load_cluster, read_stack_file
from config.owned import OwnedObject, OwnedRelease
from stacks.owned import owned
from tests.graph import harness
from tests.graph.recorded import Registered

pytestmark = pytest.mark.graph

RELEASE = "kubernetes:helm.sh/v3:Release"
# The program makes neither: the FluxInstance's `sync` does, on its behalf.
BY_THE_INSTANCE = {"GitRepository", "Kustomization"}


def made(item: Registered) -> OwnedObject:
    """A registration as the object it becomes."""
    group_version, _, kind = item.type.removeprefix("kubernetes:").partition(":")
    group = group_version.partition("/")[0]
    metadata = item.inputs["metadata"]
    return OwnedObject(
        group="" if group == "core" else group,
        kind=kind,
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
    )


@pytest.mark.parametrize("stack", ["test-cluster", "home-ops"])
def test_the_list_of_what_is_ours_is_what_the_program_makes(stack: str) -> None:
    registered = [
        item
        for item in harness.run(stack).resources
        if item.type.startswith("kubernetes:") and not item.is_provider
    ]
    file = read_stack_file(harness.ROOT / f"Pulumi.{stack}.yaml")
    listed = owned(load_cluster(file.config[CLUSTER_KEY], stack))
    assert {item for item in listed.objects if item.kind not in BY_THE_INSTANCE} == {
        made(item) for item in registered if item.type != RELEASE
    }
    assert set(listed.releases) == {
        OwnedRelease(
            namespace=item.inputs["namespace"],
            name=item.inputs["name"],
            chart=item.inputs["chart"].rpartition("/")[2],
        )
        for item in registered
        if item.type == RELEASE
    }
