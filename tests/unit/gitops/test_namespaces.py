"""Namespaces of the trees: a level, a policy, and Secrets that somebody makes."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from checks.ownership import problem
from components.secrets.settings import settings
from stacks.owned import owned
from tests.unit.components.committed import ROOT, STACKS, cluster
from tests.unit.gitops.trees import ENFORCE, KEEP, containers, labels, of, pod_specs, tree

pytestmark = pytest.mark.unit

# Kubernetes' own, and the one whose policies are flux-operator's.
NOT_OURS = {"kube-system", "flux-system"}


def made_by_the_program(stack: str, kind: str) -> set[tuple[str, str]]:
    return {(x.namespace, x.name) for x in owned(cluster(stack)).objects if x.kind == kind}


def namespaces(stack: str) -> set[str]:
    """All that the tree puts something into."""
    return {item.namespace for item in tree(stack) if item.namespace} - NOT_OURS


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_has_two_owners(stack: str) -> None:
    facts = cluster(stack)
    assert problem(ROOT, facts.gitops.path, owned(facts), settings(facts)) is None


@pytest.mark.parametrize("stack", STACKS)
def test_every_namespace_is_made_by_one_of_both(stack: str) -> None:
    made = {item.name for item in of(stack, "Namespace")}
    ours = {name for _, name in made_by_the_program(stack, "Namespace")}
    assert namespaces(stack) <= made | ours
    assert not made & ours


@pytest.mark.parametrize("stack", STACKS)
def test_the_trees_namespaces_say_what_pods_may_ask_for(stack: str) -> None:
    for item in of(stack, "Namespace"):
        assert labels(item)[ENFORCE] in {"restricted", "baseline", "privileged"}, item.place


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_goes_in_or_out_of_a_namespace_but_what_its_policy_names(stack: str) -> None:
    closed = {
        item.namespace
        for item in of(stack, "NetworkPolicy")
        if item.spec["podSelector"] == {} and item.spec["policyTypes"] == ["Ingress", "Egress"]
    }
    assert closed == namespaces(stack)


@pytest.mark.parametrize("stack", STACKS)
def test_the_trees_own_pods_are_as_a_restricted_namespace_demands(stack: str) -> None:
    found = list(pod_specs(stack))
    assert found
    for item, pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True, item.place
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in containers(pod):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert container["resources"]["requests"]


@pytest.mark.parametrize("stack", STACKS)
def test_every_secret_that_is_read_is_made(stack: str) -> None:
    made = made_by_the_program(stack, "Secret") | {
        (item.namespace, item.spec["target"]["name"]) for item in of(stack, "ExternalSecret")
    }
    read = {(item.namespace, name) for item in tree(stack) for name in secrets_in(item.document)}
    assert read
    assert read <= made


def secrets_in(found: Any) -> Iterator[str]:
    """The Secrets that environment variables and solvers name, however deep."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            if key == "secretKeyRef":
                yield value["name"]
            yield from secrets_in(value)
    elif isinstance(found, list):
        for value in found:
            yield from secrets_in(value)


@pytest.mark.parametrize("stack", STACKS)
def test_what_holds_data_is_not_pruned_with_what_made_it(stack: str) -> None:
    kept = [*of(stack, "PersistentVolumeClaim"), *storage(stack)]
    assert kept
    for item in kept:
        assert labels(item)[KEEP] == "disabled", item.place


def storage(stack: str) -> list[Any]:
    """What volumes hang on as a whole."""
    return [
        item
        for kind in ("HelmRelease", "Namespace")
        for item in of(stack, kind)
        if "longhorn" in item.name
    ]
