"""Detailed differences: drift, deletions in lists, unknown values, what is ignored."""

import pytest

from lab.plugins.kubernetes import difference, session
from provider.rpc import UNKNOWN, Kind, Secret

pytestmark = pytest.mark.unit


def test_equal_objects_differ_in_nothing() -> None:
    assert not difference.changes({"a": [{"b": 1}]}, {"a": [{"b": 1}]}, ()).changed


def test_paths_are_named_to_the_leaf() -> None:
    old = {"metadata": {"labels": {"a.b/c": "1"}}, "spec": {"ports": [{"port": 1}, {"port": 2}]}}
    new = {"metadata": {"labels": {"a.b/c": "2"}}, "spec": {"ports": [{"port": 1}, {"port": 3}]}}
    assert difference.changes(old, new, ()).detailed == {
        'metadata.labels["a.b/c"]': Kind.UPDATE,
        "spec.ports[1].port": Kind.UPDATE,
    }


def test_keys_and_items_that_went_are_deletions() -> None:
    old = {"a": {"x": 1, "y": 2}, "l": [{"k": 1, "gone": 2}, {"k": 2}]}
    new = {"a": {"x": 1}, "l": [{"k": 1}]}
    assert difference.changes(old, new, ()).detailed == {
        "a.y": Kind.DELETE,
        "l[0].gone": Kind.DELETE,
        "l[1]": Kind.DELETE,
    }


def test_a_value_that_is_not_known_yet_counts_as_changed() -> None:
    found = difference.changes({"data": {"a": "1"}}, {"data": {"a": UNKNOWN}}, (".data",))
    assert found.detailed == {"data.a": Kind.UPDATE}
    assert found.replaces == ("data.a",)


def test_ignored_paths_neither_change_nor_replace() -> None:
    old, new = {"spec": {"a": 1, "b": 1}}, {"spec": {"a": 2, "b": 2}}
    found = difference.changes(old, new, (".spec",), ignore=["spec.a"])
    assert found.replaces == ("spec.b",)


def test_a_three_way_patch_deletes_only_what_was_ours() -> None:
    live = {"values": {"mine": 1, "theirs": 2, "old": 3}, "status": {}}
    patch = difference.three_way({"values": {"mine": 1, "old": 3}}, {"values": {"mine": 9}}, live)
    assert patch == {"values": {"mine": 9, "old": None}}


def kubeconfig(server: str, user: str = "t") -> str:
    return f"""
clusters: [{{name: c, cluster: {{server: {server}}}}}]
users: [{{name: u, user: {{token: {user}}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
"""


def test_another_active_cluster_replaces_everything() -> None:
    old = {"kubeconfig": Secret(kubeconfig("https://a"))}
    assert session.diff_config(old, {"kubeconfig": kubeconfig("https://b")}).replaces == (
        "kubeconfig",
    )


def test_other_credentials_for_the_same_cluster_replace_nothing() -> None:
    old, new = {"kubeconfig": kubeconfig("https://a")}, {"kubeconfig": kubeconfig("https://a", "u")}
    found = session.diff_config(old, new)
    assert found.changed
    assert found.replaces == ()


def test_a_kubeconfig_that_is_not_known_yet_replaces_unless_the_cluster_is_identified() -> None:
    old, new = {"kubeconfig": kubeconfig("https://a")}, {"kubeconfig": UNKNOWN}
    assert session.diff_config(old, new).replaces == ("kubeconfig",)
    named = {"clusterIdentifier": "home"}
    assert session.diff_config({**old, **named}, {**new, **named}).replaces == ()


def test_with_an_identifier_only_its_change_replaces() -> None:
    old = {"clusterIdentifier": "a", "kubeconfig": kubeconfig("https://a")}
    moved = {"clusterIdentifier": "a", "kubeconfig": kubeconfig("https://b")}
    assert session.diff_config(old, moved).replaces == ()
    assert (
        "clusterIdentifier" in session.diff_config(old, {**old, "clusterIdentifier": "b"}).replaces
    )
    assert session.diff_config({"kubeconfig": old["kubeconfig"]}, old).replaces == ()
