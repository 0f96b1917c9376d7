"""How the trees hang together: folders, what is waited for, and what comes before what.

What no tree may have, a ring or a variable that nobody gives, is the matter of `./hearth check`.
"""

from pathlib import Path

import pytest

from tests.unit.components.committed import STACKS, cluster
from tests.unit.gitops.trees import (
    GITOPS,
    INFRASTRUCTURE,
    folder,
    kustomizations,
    listed,
    tree,
)

pytestmark = pytest.mark.unit

# A repository that is away holds up its own charts, and not what has nothing to do with it.
NOT_WAITED_FOR = {"infrastructure-sources"}


def every() -> list[tuple[str, str]]:
    """Each Kustomization of each cluster."""
    return [(stack, name) for stack in STACKS for name in kustomizations(stack)]


def seconds(text: str) -> int:
    """A duration of whole minutes or hours."""
    return int(text[:-1]) * {"m": 60, "h": 3600}[text[-1]]


@pytest.mark.parametrize("stack", STACKS)
def test_the_roots_folder_holds_the_kustomizations_and_lists_each(stack: str) -> None:
    root = GITOPS / "clusters" / stack
    files = sorted(path.name for path in root.iterdir())
    assert files == sorted([*listed(root), "kustomization.yaml"])
    assert set(files) == {f"{name}.yaml" for name in kustomizations(stack)} | {"kustomization.yaml"}
    assert f"./{root.relative_to(GITOPS.parent)}" == cluster(stack).gitops.path


@pytest.mark.parametrize("path", sorted(INFRASTRUCTURE.iterdir()), ids=lambda path: path.name)
def test_a_folder_lists_all_that_is_in_it_and_is_used(path: Path) -> None:
    assert sorted(item.name for item in path.iterdir()) == sorted(
        [*listed(path), "kustomization.yaml"]
    )
    used = {folder(item).resolve() for s in STACKS for item in kustomizations(s).values()}
    assert path.resolve() in used


@pytest.mark.parametrize(("stack", "name"), every())
def test_a_kustomization_says_when_it_is_done_and_when_it_is_tried_again(
    stack: str, name: str
) -> None:
    item = kustomizations(stack)[name]
    spec = item.spec
    assert item.namespace == "flux-system"
    assert spec["sourceRef"] == {"kind": "GitRepository", "name": "flux-system"}
    assert spec["prune"] is True
    assert spec["wait"] is (name not in NOT_WAITED_FOR)
    assert seconds(spec["retryInterval"]) <= 60
    assert spec["postBuild"]["substituteFrom"] == [
        {"kind": "ConfigMap", "name": "cluster-settings"},
        {"kind": "Secret", "name": "cluster-secrets", "optional": True},
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_objects_that_need_a_charts_definitions_come_after_it(stack: str) -> None:
    """A definition and an object of its kind in one Kustomization never get past the dry run."""
    brings = {
        "cert-manager.io": "infrastructure-cert-manager",
        "external-secrets.io": "infrastructure-external-secrets",
        "metallb.io": "infrastructure-metallb",
        "snapshot.storage.k8s.io": "infrastructure-volume-snapshots",
    }
    for item in tree(stack):
        if item.group in brings:
            assert brings[item.group] in before(stack, item.brought_by), item.place


def before(stack: str, name: str) -> set[str]:
    """All that a Kustomization waits for."""
    wanted = {one["name"] for one in kustomizations(stack)[name].spec.get("dependsOn", [])}
    return wanted.union(*(before(stack, one) for one in wanted))
