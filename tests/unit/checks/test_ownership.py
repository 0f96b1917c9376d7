"""Nothing in a cluster has two owners: the committed trees, and every way to break that."""

from pathlib import Path

import pytest

from checks.ownership import problem
from components.secrets.settings import settings
from stacks.owned import owned
from tests.unit.components.committed import ROOT, cluster

pytestmark = pytest.mark.unit

STACK = "home-ops"
CLUSTER = "gitops/clusters/home-ops"
KUSTOMIZATION = """
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  path: ./gitops/infrastructure/{name}
  postBuild: {{substituteFrom: [{{kind: ConfigMap, name: cluster-settings}}]}}
"""


class Tree:
    """A repository in which Flux Kustomizations are put, each with the text of its objects."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / CLUSTER).mkdir(parents=True)

    def brings(self, name: str, text: str, kustomization: str = "") -> None:
        folder = self.root / "gitops" / "infrastructure" / name
        folder.mkdir(parents=True)
        (self.root / CLUSTER / f"{name}.yaml").write_text(KUSTOMIZATION.format(name=name))
        (folder / "objects.yaml").write_text(text)
        listing = f"resources: [objects.yaml]\n{kustomization}"
        (folder / "kustomization.yaml").write_text(listing)

    def problem(self, stack: str = STACK) -> str | None:
        facts = cluster(stack)
        return problem(self.root, CLUSTER, owned(facts), settings(facts))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def release(name: str, chart: str, namespace: str, more: str = "") -> str:
    return f"""
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  chart: {{spec: {{chart: {chart}, sourceRef: {{kind: HelmRepository, name: any}}}}}}
{more}"""


@pytest.mark.parametrize("stack", ["home-ops", "test-cluster"])
def test_in_the_committed_trees_everything_has_one_owner(stack: str) -> None:
    facts = cluster(stack)
    assert problem(ROOT, facts.gitops.path, owned(facts), settings(facts)) is None


def test_a_tree_that_lies_in_another_repository_is_not_judged(tmp_path: Path) -> None:
    facts = cluster(STACK)
    assert problem(tmp_path, facts.gitops.path, owned(facts), settings(facts)) is None


def test_cilium_in_the_tree_is_refused_with_both_owners_and_what_would_happen(tree: Tree) -> None:
    tree.brings("cilium", release("cilium", "cilium", "kube-system"))
    assert tree.problem() == (
        "1 thing in the cluster would have two owners:\n"
        "  Helm release kube-system/cilium: made by this program, and by HelmRelease cilium in "
        "gitops/infrastructure/cilium/objects.yaml:2 (Kustomization cilium).\n"
        "    When Flux updates Cilium the nodes lose the network they need to pull the images that "
        "restore it, and Flux cannot come back to mend it. Its policies, pools and dashboards may "
        "stay. Take it out of the tree."
    )


def test_a_second_cilium_is_found_by_its_chart_under_any_name(tree: Tree) -> None:
    tree.brings("network", release("agent", "cilium", "flux-system"))
    said = tree.problem()
    assert said is not None
    assert "Helm release kube-system/cilium" in said


def test_a_chart_is_known_through_the_source_that_the_release_refers_to(tree: Tree) -> None:
    text = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: chart, namespace: flux-system}
spec: {url: oci://quay.io/cilium/charts/cilium}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: network, namespace: flux-system}
spec: {chartRef: {kind: OCIRepository, name: chart}}
"""
    tree.brings("network", text)
    said = tree.problem()
    assert said is not None
    assert "HelmRelease network in gitops/infrastructure/network/objects.yaml:7" in said


@pytest.mark.parametrize(
    "more", ["  releaseName: flux-operator\n", "  targetNamespace: flux-system\n"]
)
def test_a_release_is_compared_by_the_name_that_helm_gives_it(tree: Tree, more: str) -> None:
    tree.brings("operator", release("flux-operator", "something", "flux-system", more))
    said = tree.problem()
    # With a target namespace Flux calls the release `flux-system-flux-operator`: another one.
    assert (said is not None) == ("releaseName" in more)


def test_policies_and_pools_of_cilium_are_the_trees_own(tree: Tree) -> None:
    tree.brings(
        "cilium",
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: a, namespace: b}\n",
    )
    assert tree.problem() is None


def test_a_namespace_that_the_program_makes_is_not_made_again(tree: Tree) -> None:
    tree.brings("one", "apiVersion: v1\nkind: Namespace\nmetadata: {name: sealed-secrets}\n")
    said = tree.problem()
    assert said is not None
    assert "Namespace sealed-secrets: made by this program" in said


def test_what_a_kustomization_yaml_does_to_names_is_seen(tree: Tree) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: deploy}\n"
    tree.brings("keys", text, "namespace: flux-system\nnamePrefix: flux-\nnameSuffix: -key\n")
    said = tree.problem()
    assert said is not None
    assert "Secret flux-system/flux-deploy-key" in said


def test_names_are_compared_after_substitution(tree: Tree) -> None:
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: '${WHERE:=sealed-secrets}'}\n"
    tree.brings("one", text)
    said = tree.problem()
    assert said is not None
    assert "Namespace sealed-secrets" in said


def test_two_places_of_the_tree_that_make_one_object_are_both_named(tree: Tree) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: apps}\n"
    tree.brings("left", text)
    tree.brings("right", text)
    said = tree.problem()
    assert said is not None
    assert "ConfigMap apps/shared: gitops/infrastructure/left/objects.yaml:1 (left) and" in said
    assert "right/objects.yaml:1 (right)" in said


def test_two_releases_of_one_name_are_one_release(tree: Tree) -> None:
    same = "  releaseName: prometheus\n  targetNamespace: monitoring\n"
    tree.brings("old", release("monitoring", "kube-prometheus-stack", "flux-system", same))
    tree.brings("new", release("prometheus", "kube-prometheus-stack", "monitoring", same))
    said = tree.problem()
    assert said is not None
    assert said.startswith("1 thing in the cluster")
    assert "HelmRelease monitoring/prometheus:" in said


def test_everything_with_two_owners_is_told_at_once(tree: Tree) -> None:
    tree.brings("cilium", release("cilium", "cilium", "kube-system"))
    tree.brings("one", "apiVersion: v1\nkind: Namespace\nmetadata: {name: sealed-secrets}\n")
    said = tree.problem()
    assert said is not None
    assert said.startswith("2 things")


@pytest.mark.parametrize(
    ("breaks", "names"),
    [
        ("a: [", "objects.yaml is no YAML"),
        (None, "kustomization.yaml names objects.yaml, which is not there"),
    ],
)
def test_a_tree_that_cannot_be_read_is_named_with_the_file(
    tree: Tree, breaks: str | None, names: str
) -> None:
    tree.brings("one", breaks or "")
    if breaks is None:
        (tree.root / "gitops/infrastructure/one/objects.yaml").unlink()
    said = tree.problem()
    assert said is not None
    assert names in said


def test_a_path_that_no_folder_has_is_named(tree: Tree) -> None:
    path = tree.root / CLUSTER / "gone.yaml"
    path.write_text(KUSTOMIZATION.format(name="gone"))
    assert tree.problem() == (
        "the GitOps tree cannot be read: gitops/infrastructure/gone: no such folder, and a "
        "Kustomization names it"
    )


def test_a_folder_without_a_kustomization_yaml_is_read_whole_as_flux_does(tree: Tree) -> None:
    tree.brings("one", "apiVersion: v1\nkind: Namespace\nmetadata: {name: sealed-secrets}\n")
    (tree.root / "gitops/infrastructure/one/kustomization.yaml").unlink()
    deeper = tree.root / "gitops/infrastructure/one/deeper"
    deeper.mkdir()
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n"
    (deeper / "more.yaml").write_text(text)
    said = tree.problem()
    assert said is not None
    assert said.startswith("2 things")
