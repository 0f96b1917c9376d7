"""Charts packed the same way every time, and found where their vendors publish them."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
import yaml

from lab.charts.descriptions import SOURCES, described
from lab.charts.packing import pack, read
from lab.charts.state import load, tag
from lab.charts.wire import LAYER, blobs, index, manifest

pytestmark = pytest.mark.unit


def folder(tmp_path: Path) -> Path:
    chart = tmp_path / "cilium"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: cilium\n")
    (chart / "values.yaml").write_text("a: 1\n")
    (chart / "templates" / "a.yaml.tpl").write_text("kind: ConfigMap\n")
    return chart


def test_the_same_folder_gives_the_same_bytes_whenever_it_was_written(tmp_path: Path) -> None:
    chart = folder(tmp_path)
    first = pack(chart, "1.20.2")
    os.utime(chart / "values.yaml", (0, 0))
    (chart / "values.yaml").chmod(0o600)
    assert pack(chart, "1.20.2") == first
    assert pack(chart, "1.20.3").digest != first.digest


def test_a_packed_chart_carries_the_version_it_was_asked_for(tmp_path: Path) -> None:
    chart = pack(folder(tmp_path), "1.20.2")
    with tarfile.open(fileobj=io.BytesIO(chart.archive)) as tar:
        names = tar.getnames()
        written = tar.extractfile("cilium/Chart.yaml")
        assert written is not None
        assert yaml.safe_load(written)["version"] == "1.20.2"
    assert names == ["cilium/Chart.yaml", "cilium/templates/a.yaml.tpl", "cilium/values.yaml"]


def test_a_folder_without_a_definition_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is no chart: it has no Chart\.yaml"):
        pack(tmp_path, "1.0.0")


def test_a_real_archive_takes_the_place_of_the_labs_own(tmp_path: Path) -> None:
    lab = load(None)
    real = pack(folder(tmp_path), "1.20.2")
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "cilium-1.20.2.tgz").write_bytes(real.archive)
    mixed = load(tmp_path / "real")
    shown = {(c["name"], c["version"]): c["chart"] for c in mixed.listing()}
    assert shown["cilium", "1.20.2"] == "real"
    assert set(shown.values()) == {"real", "lab"}
    assert {c["chart"] for c in lab.listing()} == {"lab"}


def test_a_file_that_is_no_archive_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "cilium-1.tgz"
    broken.write_bytes(b"not a chart")
    with pytest.raises(ValueError, match=r"cilium-1\.tgz is no chart archive"):
        read(broken)


def test_a_real_chart_of_nobody_known_has_to_say_where_it_is_published(tmp_path: Path) -> None:
    chart = folder(tmp_path)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: istio\n")
    archive = pack(chart, "1.0.0").archive
    real = tmp_path / "real"
    (real / "example.org" / "charts").mkdir(parents=True)
    (real / "example.org" / "charts" / "istio-1.0.0.tgz").write_bytes(archive)
    (real / "oci" / "example.org" / "team").mkdir(parents=True)
    (real / "oci" / "example.org" / "team" / "istio-1.0.0.tgz").write_bytes(archive)
    library = load(real)
    assert [c.name for c in library.classic("example.org", "charts")] == ["istio"]
    assert list(library.repository("example.org", "team/istio")) == ["1.0.0"]
    (real / "istio-1.0.0.tgz").write_bytes(archive)
    with pytest.raises(ValueError, match="where is 'istio' published"):
        load(real)


def test_every_chart_of_the_labs_own_writing_is_described() -> None:
    written = {one.document["source"] for one in described() if "source" in one.document}
    assert written == {path.name for path in SOURCES.iterdir()}


def test_the_index_names_every_archive_with_its_digest() -> None:
    charts = load(None).classic("helm.cilium.io", "")
    entries = yaml.safe_load(index(charts))["entries"]["cilium"]
    assert [entry["urls"] for entry in entries] == [[chart.file] for chart in charts]
    assert entries[0]["digest"] == hashlib.sha256(charts[0].archive).hexdigest()


def test_a_vendors_name_serves_only_that_vendors_charts() -> None:
    library = load(None)
    assert library.classic("ghcr.io", "") == []
    assert library.repository("helm.cilium.io", "controlplaneio-fluxcd/charts/flux-operator") == {}
    assert library.repository("ghcr.io", "controlplaneio-fluxcd/charts/flux-operator")
    assert library.classic("127.0.0.1", "")
    assert library.classic("someone.else", "") == []


def test_a_manifest_refers_to_the_archive() -> None:
    chart = next(iter(load(None).charts.values()))
    document = json.loads(manifest(chart).data)
    config, layer = blobs(chart)
    assert document["layers"] == [layer.descriptor()]
    assert document["config"] == config.descriptor()
    assert document["layers"][0]["mediaType"] == LAYER


def test_a_version_with_build_metadata_becomes_a_tag() -> None:
    assert tag("1.0.0+talos.1") == "1.0.0_talos.1"
