"""Descriptions of charts: what is made of them, and that they offer what the tree asks for."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.charts.definitions import OPEN
from lab.charts.descriptions import Description, charts, crd_text, describe, described, hosts, place
from lab.charts.packing import Chart

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = {
    "chart": "toy",
    "repository": "https://toys.example/charts",
    "offered": {"1.0.0": "v2"},
    "values": {"replicas": 1},
    "workloads": [{"name": "$fullname-$release", "args": ["$(NODE)"]}],
    "crds": {
        "generated": "toys",
        "when": "crds.enabled",
        "kinds": [{"group": "toys.example", "version": "v1", "kind": "Toy", "plural": "toys"}],
    },
}


def one(tmp_path: Path, **more: Any) -> Description:
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump({**DOCUMENT, **more}))
    return describe(path)


def files(chart: Chart) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(chart.archive)) as tar:
        found = {}
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            found[member.name.partition("/")[2]] = content.read().decode()
    return found


def test_a_description_gives_the_same_archive_each_time(tmp_path: Path) -> None:
    first, second = (next(charts(one(tmp_path))) for _ in range(2))
    assert first.archive == second.archive
    assert (first.name, first.version, first.metadata["appVersion"]) == ("toy", "1.0.0", "v2")


def test_words_become_helms_and_a_containers_own_stay(tmp_path: Path) -> None:
    objects = files(next(charts(one(tmp_path))))["objects.yaml"]
    assert '{{ include "lab.fullname" . }}-{{ .Release.Name }}' in objects
    assert "$(NODE)" in objects


def test_an_open_definition_says_that_it_is_open(tmp_path: Path) -> None:
    [made] = yaml.safe_load_all(files(next(charts(one(tmp_path))))["definitions/crds.yaml"])
    assert made["metadata"]["name"] == "toys.toys.example"
    assert made["metadata"]["annotations"] == {OPEN: "open"}
    assert made["spec"]["scope"] == "Namespaced"


def test_generated_definitions_take_the_place_of_open_ones(tmp_path: Path) -> None:
    (tmp_path / "toys.yaml").write_text("metadata: {name: generated}\n")
    crds = {**one(tmp_path).document["crds"], "keep": True}
    [made] = yaml.safe_load_all(crd_text(crds, tmp_path))
    assert made["metadata"]["name"] == "generated"
    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_a_description_that_lacks_something_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"toy\.yaml does not say repository, offered"):
        one(tmp_path, repository="", offered={})


def test_a_registrys_address_is_told_from_a_web_servers() -> None:
    assert str(place("oci://ghcr.io/team/charts")) == "oci://ghcr.io/team/charts"
    assert place("https://toys.example/charts/").path == "charts"
    assert {"ghcr.io", "helm.cilium.io"} <= set(hosts())


def test_a_file_is_called_like_its_chart() -> None:
    folder = ROOT / "lab" / "charts" / "descriptions"
    assert [path.stem for path in sorted(folder.glob("*.yaml"))] == [
        one.name for one in described()
    ]


def tree() -> list[dict[str, Any]]:
    """Every object of the GitOps tree."""
    documents: list[dict[str, Any]] = []
    for path in sorted((ROOT / "gitops").rglob("*.yaml")):
        documents += [found for found in yaml.safe_load_all(path.read_text()) if found]
    return documents


def test_every_chart_that_the_tree_names_is_offered_by_the_lab() -> None:
    objects = tree()
    sources = {
        found["metadata"]["name"]: found["spec"]["url"]
        for found in objects
        if found["kind"] == "HelmRepository"
    }
    wanted = {
        (str(place(sources[spec["sourceRef"]["name"]])), spec["chart"], str(spec["version"]))
        for found in objects
        if found["kind"] == "HelmRelease"
        for spec in [found["spec"]["chart"]["spec"]]
    }
    offered = {
        (str(one.place), one.name, version) for one in described() for version in one.offered
    }
    assert wanted
    assert wanted <= offered, (
        f"lab/charts/descriptions offers no {sorted(wanted - offered)}: add the version to "
        "`offered`, and look whether the chart still renders the same names"
    )
