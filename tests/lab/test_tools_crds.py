"""Vendors' CRDs: made once of API types, kept like programs, put on the shelf in a folder."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from lab.tools import bin_directory, ensure
from lab.tools.ask import ask
from lab.tools.crds import CrdGenerator
from lab.tools.errors import ToolError, ToolsMissing
from lab.tools.gobuild import GoBuilder
from lab.tools.resolve import resolve
from lab.tools.rows import CrdBuild, Stamp
from tests.lab.tools_bin import tool
from tests.lab.tools_world import ScriptBuilder, ScriptGenerator, around, crds, program, row

pytestmark = pytest.mark.lab

FLUX = {
    *("gitrepositories", "helmrepositories", "helmcharts", "buckets", "ocirepositories"),
    *("externalartifacts", "kustomizations", "helmreleases"),
    *("providers", "alerts", "receivers"),
}


def _generator(folder: Path, *files: str) -> Path:
    """Return a generator that leaves a file per name where it is told to."""
    lines = [f'printf -- "---\\nname: {name}\\n" > "$out/{name}.yaml"' for name in files]
    text = "\n".join(
        [
            "#!/bin/sh",
            'for word in "$@"; do case $word in output:crd:dir=*) out=${word#*=};; esac; done',
            'mkdir -p "$out"',
            *lines,
        ]
    )
    return program(folder, "controller-gen", text + "\n")


def _generate(build: CrdBuild, generator: Path, into: Path) -> None:
    CrdGenerator().generate(build, generator, into, into.with_suffix(".log"), lambda: None)


def _build(module: Path, *packages: str) -> CrdBuild:
    module.mkdir(exist_ok=True)
    (module / "go.mod").write_text("module types\n\ngo 1.21\n")
    build = crds("vendor", module, *packages).build
    assert isinstance(build, CrdBuild)
    return build


def test_crds_are_made_once_and_lie_beside_the_programs(tmp_path: Path) -> None:
    builder, generator = ScriptBuilder(), ScriptGenerator()
    here = around(tmp_path, builder, generator=generator)
    rows = [row("tool"), crds("vendor", tmp_path, "a/v1", "b/v2")]
    for origin in ("built", "cache"):
        found = resolve(rows, here)
        assert [found[name].origin for name in ("tool", "vendor-crds")] == [origin, origin]
    assert (builder.built, generator.made) == ([["tool"], ["controller-gen"]], ["a/v1 b/v2"])
    shelf = bin_directory(found, tmp_path)
    assert (shelf / "crds" / "vendor.yaml").read_text() == "controller-gen a/v1 b/v2\n"
    assert not os.access(shelf / "crds" / "vendor.yaml", os.X_OK)
    assert bin_directory(found, tmp_path) == shelf


def test_without_its_generator_a_file_is_missing_for_the_generators_reason(tmp_path: Path) -> None:
    here = around(tmp_path, ScriptBuilder(failing=["controller-gen"]), generator=ScriptGenerator())
    with pytest.raises(ToolsMissing, match="vendor-crds: controller-gen does not build"):
        resolve([crds("vendor", tmp_path, "a/v1")], here)


def test_a_file_holds_the_crds_of_all_packages_in_one_order(tmp_path: Path) -> None:
    generator = _generator(tmp_path / "bin", "b_seconds", "a_firsts")
    _generate(_build(tmp_path / "m", "x/v1"), generator, tmp_path / "out")
    documents = yaml.safe_load_all((tmp_path / "out").read_text())
    assert [document["name"] for document in documents] == ["a_firsts", "b_seconds"]


@pytest.mark.parametrize("files", [(), ("same",)], ids=["nothing", "twice the same"])
def test_packages_without_a_crd_or_with_one_twice_are_refused(
    tmp_path: Path, files: Sequence[str]
) -> None:
    once = _build(tmp_path / "m", "x/v1")
    twice = CrdBuild(types=once.types * 2, generator=once.generator)
    generator = _generator(tmp_path / "bin", *files)
    with pytest.raises(ToolError, match=r"of x/v1: correct the row in lab/tools/catalog\.py"):
        _generate(twice, generator, tmp_path / "out")


def test_a_generator_that_fails_is_quoted(tmp_path: Path) -> None:
    generator = program(tmp_path / "bin", "controller-gen", "#!/bin/sh\necho no types; exit 1\n")
    with pytest.raises(ToolError, match="`controller-gen` failed: no types"):
        _generate(_build(tmp_path / "m", "x/v1"), generator, tmp_path / "out")


def test_fluxs_crds_are_all_there() -> None:
    documents = list(yaml.safe_load_all(ensure(["flux-crds"])["flux-crds"].path.read_text()))
    assert {document["spec"]["names"]["plural"] for document in documents} == FLUX
    assert {document["kind"] for document in documents} == {"CustomResourceDefinition"}


def test_a_program_that_says_no_version_is_known_by_what_go_wrote_into_it() -> None:
    controller = tool("source-controller")
    stamp = Stamp(module="github.com/fluxcd/source-controller")
    assert ask(controller, stamp) == ensure(["source-controller"])["source-controller"].version
    assert ask(controller, Stamp(module="example.com/other")) is None


def test_an_empty_or_absent_file_has_no_version(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    stamp = Stamp(module="example.com/other")
    assert [ask(tmp_path / name, stamp) for name in ("empty", "absent")] == [None, None]


def test_go_has_to_be_there_for_crds_that_are_not_yet(tmp_path: Path) -> None:
    build = _build(tmp_path / "m", "x/v1")
    generator = CrdGenerator(GoBuilder(environment={"PATH": str(tmp_path)}))
    with pytest.raises(ToolError, match="Go is not installed"):
        generator.generate(
            build, tmp_path / "none", tmp_path / "out", tmp_path / "log", lambda: None
        )
