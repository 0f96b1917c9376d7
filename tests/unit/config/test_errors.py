"""A user's mistakes come all at once, in the words of the file, and never as a traceback."""

import pytest

from config.errors import ConfigError, key_path, known_keys
from config.load import examine, load_cluster
from tests.unit.config.cases import base, raw

pytestmark = pytest.mark.unit


def test_mistakes_of_form_and_of_fact_are_reported_together() -> None:
    data = raw(
        {
            "base": "test-cluster",
            "set": {
                "network.podSubnets": ["10.0.128.1/17"],
                "machines[1].mac": "BC:24:11:0A:01:01",
                "cilium.hostLegacyRoutng": True,
            },
            "remove": ["cilium.hostLegacyRouting"],
        }
    )
    found = {finding.rule for finding in examine(data, "test-cluster")[1]}
    assert found == {"canonical-network", "unknown-key", "disjoint-nets", "unique-mac"}


def test_the_error_lists_every_finding_with_its_path_fix_and_rule() -> None:
    data = raw({"base": "test-cluster", "set": {"network.vips": ["10.1.0.1"], "name": "x"}})
    with pytest.raises(ConfigError) as caught:
        load_cluster(data, "test-cluster")
    text = str(caught.value)
    assert text.startswith(f"test-cluster: {len(caught.value.findings)} mistakes in Pulumi.test-")
    assert "hearth:cluster.network.vips[0]: 10.1.0.1 lies outside the node nets" in text
    assert "[vip-inside-node-net]" in text
    assert "[stack-name]" in text


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_what_is_no_mapping_is_refused_in_a_sentence(data: object) -> None:
    with pytest.raises(ConfigError, match=r"hearth:cluster (is missing|is a .*, not a mapping)"):
        load_cluster(data, "test-cluster")


def test_an_empty_mapping_names_everything_that_is_missing() -> None:
    found = examine({}, "test-cluster")[1]
    assert {finding.rule for finding in found} == {"missing-key"}
    assert "hearth:cluster.network" in {finding.where for finding in found}


def test_a_refused_value_stands_in_its_message() -> None:
    data = raw({"base": "test-cluster", "set": {"network.nameservers": ["10.0.0.300"]}})
    (finding,) = examine(data, "test-cluster")[1]
    assert finding.message == "10.0.0.300 is no IP address"


def test_the_raw_config_is_left_as_it_was() -> None:
    data = raw({"base": "test-cluster", "set": {"cilium.mtuu": 1500}})
    before = str(data)
    examine(data, "test-cluster")
    assert str(data) == before


def test_a_key_that_nobody_meant_lists_the_known_ones() -> None:
    data = raw({"base": "test-cluster", "set": {"storage.zzz": 1}})
    (finding,) = examine(data, "test-cluster")[1]
    assert finding.where == "hearth:cluster.storage.zzz"
    assert "dataOnDestroy, datastore, kind" in finding.fix


def test_the_tag_of_a_union_is_no_part_of_a_path() -> None:
    data = base("test-cluster")
    assert key_path(("storage", "proxmoxCsi", "datastore"), data) == "storage.datastore"
    assert key_path(("machines", 0, "vm", "id"), data) == "machines[0].vm.id"


def test_keys_are_known_at_every_depth() -> None:
    assert "hostLegacyRouting" in known_keys(("cilium", "x"))
    assert "memoryMib" in known_keys(("machines", 0, "vm", "x"))
    assert "v2DataEngine" in known_keys(("storage", "longhorn", "x"))
    assert "v2DataEngine" not in known_keys(("storage", "proxmoxCsi", "x"))
