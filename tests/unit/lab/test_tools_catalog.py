"""The catalog's rows agree with the committed modules, and no checksum in it is made up of air."""

import re
from pathlib import Path

import pytest

from lab.tools.catalog import catalog
from lab.tools.catalog_crds import GENERATOR
from lab.tools.recipe import recipe, source_version
from lab.tools.rows import MODULES, CrdBuild, GoBuild, Question, Row, Types

pytestmark = pytest.mark.unit

ROWS = {row.name: row for row in catalog()}
CRDS = [row for row in ROWS.values() if isinstance(row.build, CrdBuild)]
OWN = {"talossim", "operators"}
VENDORS = [row for row in ROWS.values() if row.name not in OWN and row not in CRDS]
VENDORS.append(GENERATOR)


def _build(row: Row) -> GoBuild:
    assert isinstance(row.build, GoBuild)
    return row.build


def _types(row: Row) -> tuple[Types, ...]:
    assert isinstance(row.build, CrdBuild)
    return row.build.types


def _pinned(module: Path, package: str) -> str:
    """Return the version of the module that a package belongs to."""
    text = (module / "go.mod").read_text()
    required = dict(
        re.findall(r"^(?:require|\t)\s*(\S+) (v\S+)(?: // indirect)?$", text, re.MULTILINE)
    )
    return str(required[max((name for name in required if package.startswith(name)), key=len)])


def test_the_programs_of_the_lab_are_in_the_catalog() -> None:
    assert set(ROWS) - {row.name for row in CRDS} == {
        *("pulumi", "talosctl", "etcd", "kwok", "helm", "kubectl", "kustomize", *OWN),
        *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        *("source-controller", "kustomize-controller", "helm-controller"),
        *("notification-controller", "sealed-secrets-controller", "kubeseal", "gitleaks"),
    }


@pytest.mark.parametrize("row", VENDORS, ids=lambda row: row.name)
def test_a_committed_module_pins_the_version_the_row_promises(row: Row) -> None:
    build = _build(row)
    text = (build.module / "go.mod").read_text()
    assert _pinned(build.module, build.package) == f"v{row.version}"
    assert text.startswith(f"module hearth/tools/{build.module.name}\n")
    assert (build.module / "go.sum").stat().st_size > 0


@pytest.mark.parametrize("row", VENDORS, ids=lambda row: row.name)
def test_a_committed_module_names_what_is_built_of_it(row: Row) -> None:
    build = _build(row)
    text = (build.module / "go.mod").read_text()
    assert re.search(rf"^(tool |\t){re.escape(build.package)}$", text, re.MULTILINE)


@pytest.mark.parametrize("row", CRDS, ids=lambda row: row.name)
def test_crds_are_made_of_pinned_modules_and_lie_in_a_folder_of_their_own(row: Row) -> None:
    first = _types(row)[0]
    assert _pinned(first.module, first.packages[0]) == f"v{row.version}"
    assert all(
        _pinned(types.module, package) for types in _types(row) for package in types.packages
    )
    assert all((types.module / "go.sum").stat().st_size > 0 for types in _types(row))
    assert row.place == f"crds/{row.name.removesuffix('-crds')}.yaml"


def test_every_folder_of_a_recipe_belongs_to_a_row() -> None:
    used = {module for row in (*ROWS.values(), GENERATOR) for module in row.modules}
    assert {path for path in MODULES.iterdir() if path.is_dir()} <= used


def test_modules_of_recipes_hold_no_go_source() -> None:
    folders = {module for row in (*VENDORS, *CRDS) for module in row.modules}
    assert [path for folder in folders for path in folder.rglob("*.go")] == []


@pytest.mark.parametrize(
    ("folder", "programs"), [("kubernetes", 4), ("flux", 3), ("sealed-secrets", 2)]
)
def test_programs_of_one_module_share_one_build(folder: str, programs: int) -> None:
    alike = [row for row in VENDORS if _build(row).module.name == folder]
    assert len(alike) == programs
    assert len({_build(row).ldflags for row in alike}) == 1


def test_every_pinned_checksum_has_the_form_of_one() -> None:
    sums = [release.sha256 for row in ROWS.values() for release in row.releases]
    assert all(re.fullmatch(r"[0-9a-f]{64}", sum_) for sum_ in sums)


@pytest.mark.parametrize(
    ("name", "said", "version"),
    [
        ("pulumi", "3.253.0\n", "3.253.0"),
        ("pulumi", "v3.253.0-dev.0\n", "3.253.0-dev.0"),
        ("talosctl", "Client:\n\tTag:         v1.13.0\n\tSHA:         undefined\n", "1.13.0"),
        ("etcd", "etcd Version: 3.6.7\nGit SHA: none\nGo Version: go1.26.8\n", "3.6.7"),
        ("kube-apiserver", "Kubernetes v1.36.3\n", "1.36.3"),
        ("kubectl", "Client Version: v1.36.3\nKustomize Version: v5.8.1\n", "1.36.3"),
        ("kubectl", "Client Version: v1.36.3-rc.1\n", "1.36.3-rc.1"),
        ("kwok", "kwok version v0.8.0 go1.26.8 (linux/amd64)\n", "0.8.0"),
        ("helm", "v3.22.0+g0123456\n", "3.22.0"),
        ("kustomize", "v5.8.1\n", "5.8.1"),
        ("kubeseal", "kubeseal version: 0.30.0\n", "0.30.0"),
        ("sealed-secrets-controller", "controller version: v0.30.0\n", "0.30.0"),
        ("etcd", "command not found\n", None),
    ],
)
def test_a_programs_own_words_are_read_for_its_version(
    name: str, said: str, version: str | None
) -> None:
    question = ROWS[name].question
    assert isinstance(question, Question)
    assert question.answer(said) == version


def test_the_simulators_version_follows_its_sources_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text("package main\n")
    first = source_version(tmp_path)
    (tmp_path / "main_test.go").write_text("package main\n")
    (tmp_path / "README.md").write_text("prose\n")
    assert source_version(tmp_path) == first
    (tmp_path / "go.mod").write_text("module x\n")
    assert source_version(tmp_path) != first


def test_only_our_own_programs_are_never_looked_for_elsewhere() -> None:
    assert {row.name for row in ROWS.values() if row.of_sources} == OWN
    assert all(row.question is None for row in CRDS)


def test_another_go_sum_or_link_flag_is_another_recipe(tmp_path: Path) -> None:
    def row(ldflags: str) -> Row:
        build = GoBuild(module=tmp_path, package=".", binary="x", ldflags=ldflags)
        question = Question(arguments=(), pattern="(.)")
        return Row(name="x", version="1", question=question, build=build)

    plain = recipe(row(""))
    assert recipe(row("-s")) != plain
    (tmp_path / "go.sum").write_text("x v1 h1:=\n")
    assert recipe(row("")) != plain


def test_other_packages_or_another_generator_are_another_recipe(tmp_path: Path) -> None:
    def row(package: str, generator: Row) -> Row:
        types = Types(module=tmp_path, packages=(package,))
        build = CrdBuild(types=(types,), generator=generator)
        return Row(name="x", version="1", question=None, build=build)

    plain = recipe(row("a/v1", GENERATOR))
    assert recipe(row("a/v2", GENERATOR)) != plain
    assert recipe(row("a/v1", ROWS["etcd"])) != plain
    (tmp_path / "go.mod").write_text("module x\n")
    assert recipe(row("a/v1", GENERATOR)) != plain
