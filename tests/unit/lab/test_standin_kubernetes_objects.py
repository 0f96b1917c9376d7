"""Normal form, pruning and names: what must look alike so that a second `up` changes nothing."""

import pytest

from lab.plugins.kubernetes import checkpoint, kinds, objects, shaping
from provider.rpc import UNKNOWN, Secret

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("written", "stored"),
    [("0.5", "500m"), ("1000m", "1"), (2, "2"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi")],
)
def test_a_quantity_is_written_as_the_api_server_writes_it(written: object, stored: str) -> None:
    assert objects.quantity(written) == stored


@pytest.mark.parametrize("other", ["lots", "", None, True])
def test_what_is_no_quantity_is_left_alone(other: object) -> None:
    assert objects.quantity(other) == other


def test_string_data_becomes_data_and_wins_over_it() -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "data": {"a": "b2xk", "b": "a2VwdA=="},
        "stringData": {"a": "new"},
    }
    assert objects.normalised(secret)["data"] == {"a": "bmV3", "b": "a2VwdA=="}
    assert "stringData" not in objects.normalised(secret)


def test_nulls_and_empty_labels_disappear_from_built_in_kinds_only() -> None:
    spec = {
        "metadata": {"name": "x", "labels": {}, "uid": "1"},
        "spec": {"a": None, "emptyDir": {}},
    }
    built_in = objects.normalised({"apiVersion": "v1", "kind": "Pod", **spec})
    assert built_in["metadata"] == {"name": "x"}
    assert built_in["spec"] == {"emptyDir": {}}
    custom = objects.normalised({"apiVersion": "cilium.io/v2", "kind": "X", **spec})
    assert custom["metadata"] == {"name": "x", "labels": {}}
    assert custom["spec"] == spec["spec"]


def test_the_status_of_a_custom_resource_definition_is_no_input() -> None:
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {"preserveUnknownFields": False, "scope": "Cluster"},
        "status": {},
    }
    assert objects.normalised(crd)["spec"] == {"scope": "Cluster"}
    assert "status" not in objects.normalised(crd)


def test_schema_extensions_have_dashes_in_kubernetes_and_underscores_in_pulumi() -> None:
    inside = {"x_kubernetes_list_map_keys": ["a"], "properties": [{"x_kubernetes_map_type": "b"}]}
    outside = {"x-kubernetes-list-map-keys": ["a"], "properties": [{"x-kubernetes-map-type": "b"}]}
    assert objects.to_kubernetes(inside) == outside
    assert objects.to_pulumi(outside) == inside


def test_what_the_cluster_added_is_pruned_away() -> None:
    live = {"spec": {"ports": [{"port": 1, "nodePort": 2}], "clusterIP": "10.0.0.1"}, "status": {}}
    shape = {"spec": {"ports": [{"port": 9}]}}
    assert objects.pruned(live, shape) == {"spec": {"ports": [{"port": 1}]}}


def test_a_list_that_lost_an_item_is_shorter_after_pruning() -> None:
    assert objects.pruned({"a": [1]}, {"a": [1, 2]}) == {"a": [1]}


def test_an_unnamed_object_gets_a_name_once_and_keeps_it() -> None:
    unnamed = {"apiVersion": "v1", "kind": "ConfigMap"}
    first = shaping.named(unnamed, {}, "settings")
    assert objects.name_of(first).startswith("settings-")
    assert objects.annotated_true(first, objects.AUTONAMED)
    again = shaping.named(unnamed, first, "settings")
    assert objects.name_of(again) == objects.name_of(first)


def test_a_name_that_is_not_known_yet_is_a_name() -> None:
    unknown = {"metadata": {"name": UNKNOWN}}
    assert shaping.named(unknown, {}, "settings") == unknown


def test_tokens_name_kinds() -> None:
    assert str(kinds.of_token("kubernetes:core/v1:Secret")) == "v1/Secret"
    custom = kinds.of_token("kubernetes:cilium.io/v2alpha1:CiliumLoadBalancerIPPool")
    assert (custom.group, custom.version) == ("cilium.io", "v2alpha1")
    with pytest.raises(ValueError, match="failed to parse type token"):
        kinds.of_token("random:index/randomId:RandomId")


def test_patches_and_lists_are_told_by_their_tokens() -> None:
    assert kinds.is_patch("kubernetes:core/v1:NodePatch", "Node")
    assert not kinds.is_patch("kubernetes:example.org/v1:NodePatch", "NodePatch")
    assert kinds.is_list("kubernetes:core/v1:SecretList")
    assert not kinds.is_list("kubernetes:example.org/v1:WaitingList")


@pytest.mark.parametrize(
    ("kind", "path", "value", "replaced"),
    [
        ("v1/Secret", ("data", "a"), "x", True),
        ("v1/ConfigMap", ("data", "a"), "x", True),
        ("v1/ConfigMap", ("metadata", "labels", "a"), "x", False),
        ("v1/Namespace", ("metadata", "name"), "x", True),
        ("batch/v1/Job", ("spec", "template", "spec", "containers", 0, "image"), "x", True),
        ("batch/v1/Job", ("spec", "suspend"), True, False),
        ("apps/v1/Deployment", ("spec", "selector", "matchLabels", "a"), "x", True),
        ("apps/v1/Deployment", ("spec",), {"selector": {}}, True),
        ("apps/v1/Deployment", ("spec", "template"), {}, False),
        ("v1/Pod", ("spec", "containers", 0, "image"), "x", True),
        ("v1/Service", ("spec", "clusterIP"), "x", True),
        ("storage.k8s.io/v1/StorageClass", ("parameters", "a"), "x", True),
        ("rbac.authorization.k8s.io/v1/RoleBinding", ("roleRef", "name"), "x", True),
    ],
)
def test_a_change_replaces_where_the_vendor_says_so(
    kind: str, path: tuple[str | int, ...], value: object, replaced: bool
) -> None:
    api_version, _, name = kind.rpartition("/")
    fields = kinds.replacing_fields(
        kinds.of_object(api_version, name),
        immutable=False,
        config_map_mutable=False,
        secret_mutable=False,
    )
    assert kinds.replaces(path, value, fields) is replaced


def test_mutable_secrets_are_updated_unless_they_say_immutable() -> None:
    def fields(*, immutable: bool) -> tuple[str, ...]:
        return kinds.replacing_fields(
            kinds.of_object("v1", "Secret"),
            immutable=immutable,
            config_map_mutable=True,
            secret_mutable=True,
        )

    assert not kinds.replaces(("data", "a"), "x", fields(immutable=False))
    assert kinds.replaces(("data", "a"), "x", fields(immutable=True))


def test_the_data_of_a_secret_is_always_sealed() -> None:
    sealed = checkpoint.seal({"kind": "Secret", "data": {"a": "b"}}, {})
    assert isinstance(sealed["data"], Secret)


def test_one_secret_value_does_not_hide_its_neighbours() -> None:
    ins = {"spec": {"token": Secret("t"), "host": "h", "items": [Secret("i"), "j"]}}
    sealed = checkpoint.seal({"spec": {"token": "t", "host": "h", "items": ["i", "j"]}}, ins)
    assert sealed["spec"]["host"] == "h"
    assert isinstance(sealed["spec"]["token"], Secret)
    assert isinstance(sealed["spec"]["items"], Secret)


def test_a_checkpoint_survives_the_state() -> None:
    before = checkpoint.Checkpoint({"kind": "X"}, {"kind": "X", "status": 1}, "v1", "me")
    assert checkpoint.unseal(before.sealed({})) == before
