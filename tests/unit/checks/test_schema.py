"""A value against a schema: what server-side apply would refuse, and what it would not."""

from typing import Any

import pytest

from checks.kubernetes_kinds import kind_schema
from checks.schema import misfits

pytestmark = pytest.mark.unit

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["cluster", "method"],
    "properties": {
        "cluster": {"type": "string"},
        "method": {"type": "string", "default": "plugin", "enum": ["plugin", "volumeSnapshot"]},
        "replicas": {"type": "integer"},
        "online": {"type": "boolean"},
        "ratio": {"type": "number"},
        "port": {"x-kubernetes-int-or-string": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "values": {"x-kubernetes-preserve-unknown-fields": True},
        "object": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "properties": {"spec": {"type": "object"}},
        },
        "metadata": {"type": "object"},
        "rules": {"type": "array", "items": {"properties": {"name": {"type": "string"}}}},
    },
}


def told(**fields: Any) -> list[str]:
    return [one.message for one in misfits({"cluster": "pg", **fields}, SCHEMA, ("spec",))]


FITTING = [
    {"method": "plugin", "replicas": 3, "online": False, "ratio": 1},
    {"port": 8080},
    {"port": "http"},
    {"labels": {"anything": "goes"}},
    {"values": {"any": {"depth": [1, "two"]}}},
    {"values": "or no object at all"},
    {"object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "spec": {"a": 1}}},
    {"metadata": {"labels": {"app": "pg"}}},
    {"rules": [{"name": "a"}]},
    {"online": None},
    {"replicas": "${REPLICAS}"},
]


@pytest.mark.parametrize("fields", FITTING, ids=str)
def test_what_fits_is_let_be(fields: dict[str, Any]) -> None:
    assert told(**fields) == []


MISFITS = [
    ({"replica": 3}, "spec has no field `replica`; did you mean replicas?"),
    ({"onLine": True}, "spec has no field `onLine`; did you mean online?"),
    ({"immediate": True}, "spec has no field `immediate`"),
    ({"replicas": "3"}, 'spec.replicas is the string "3", where an integer belongs'),
    ({"replicas": True}, "spec.replicas is true, where an integer belongs"),
    ({"online": "yes please"}, "spec.online is a string, where a boolean belongs"),
    ({"port": 1.5}, "spec.port is 1.5, where an integer or a string belongs"),
    ({"labels": {"on": True}}, "spec.labels.on is true, where a string belongs"),
    ({"labels": ["a"]}, "spec.labels is a list, where an object belongs"),
    (
        {"method": "plugins"},
        "spec.method is plugins, which is none of: plugin, volumeSnapshot; did you mean plugin?",
    ),
    (
        {"rules": [{"name": "a"}, {"nam": "b"}]},
        "spec.rules[1] has no field `nam` (it has name); did you mean name?",
    ),
    ({"cluster": None}, "spec.cluster is missing, and must be there"),
]


@pytest.mark.parametrize(("fields", "message"), MISFITS)
def test_what_does_not_fit_is_told_with_its_place(fields: dict[str, Any], message: str) -> None:
    assert told(**fields) == [message]


def kubernetes(group: str, version: str, kind: str, **fields: Any) -> list[str]:
    schema = kind_schema(group, version, kind)
    assert schema is not None
    return [one.message for one in misfits(fields, schema)]


def test_kubernetes_own_kinds_are_known_to_the_depth() -> None:
    containers = [{"name": "web", "ports": [{"containerport": 80}]}]
    template = {"spec": {"containers": containers}}
    assert kubernetes("apps", "v1", "Deployment", spec={"template": template}) == [
        (
            "spec.template.spec.containers[0].ports[0] has no field `containerport` (it has "
            "containerPort, hostIP, hostPort, name, protocol); did you mean containerPort?"
        )
    ]


def test_an_environment_variable_is_text() -> None:
    pod = {"containers": [{"name": "web", "env": [{"name": "PORT", "value": 8080}]}]}
    assert kubernetes("", "v1", "Pod", spec=pod) == [
        "spec.containers[0].env[0].value is 8080, where a string belongs"
    ]


def test_a_field_that_python_cannot_name_is_known() -> None:
    rule = {"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}
    assert kubernetes("networking.k8s.io", "v1", "NetworkPolicy", spec={"ingress": [rule]}) == []


def test_a_quantity_may_be_a_number() -> None:
    volumes = [{"name": "tmp", "emptyDir": {"sizeLimit": 1000}}]
    limits = {"name": "web", "resources": {"limits": {"cpu": 1}}}
    pod = {"containers": [limits], "volumes": volumes}
    assert kubernetes("", "v1", "Pod", spec=pod) == []


def test_what_is_not_kubernetes_own_is_not_known() -> None:
    assert kind_schema("gateway.networking.k8s.io", "v1", "Gateway") is None
    assert kind_schema("apps", "v1", "Cluster") is None
    assert kind_schema("apps", "v1beta1", "Deployment") is None
