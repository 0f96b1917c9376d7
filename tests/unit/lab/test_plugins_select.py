"""Which plugins a rehearsal runs with, given what lies where."""

from pathlib import Path

import pytest

from lab.plugins import sdk, select
from lab.plugins.select import MissingPluginError, Providers

pytestmark = pytest.mark.unit

RANDOM = sdk.provider_version("pulumi_random")


def executable(path: Path, says: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": f"{select.STAND_INS}:{tmp_path / 'path'}",
        "PULUMI_HOME": str(tmp_path / "home"),
    }


def origins(providers: Providers, environment: dict[str, str]) -> dict[str, str]:
    chosen = select.choose(providers, environment, ["random", "tls"])
    return {name: entry["origin"] for name, entry in select.report(chosen).items()}


def test_without_vendors_plugins_auto_takes_our_own(environment: dict[str, str]) -> None:
    assert origins(Providers.AUTO, environment) == {
        "language-python": "stand-in",
        "random": "stand-in",
        "tls": "stand-in",
    }


def test_an_installed_plugin_of_the_sdks_version_is_taken(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "home" / "plugins" / f"resource-random-v{RANDOM}"
    executable(folder / "pulumi-resource-random")
    assert origins(Providers.AUTO, environment)["random"] == "real"
    assert origins(Providers.STAND_IN, environment)["random"] == "stand-in"


def test_a_plugin_on_path_has_to_say_the_version_itself(
    environment: dict[str, str], tmp_path: Path
) -> None:
    place = tmp_path / "path" / "pulumi-resource-random"
    executable(place, "v0.0.1")
    assert origins(Providers.AUTO, environment)["random"] == "stand-in"
    executable(place, f"v{RANDOM}")
    assert origins(Providers.AUTO, environment)["random"] == "real"


def test_our_own_links_elsewhere_on_path_are_not_taken_for_a_vendors(
    environment: dict[str, str], tmp_path: Path
) -> None:
    chosen = select.choose(Providers.STAND_IN, environment, ["random"])
    select.link(chosen, tmp_path / "home", tmp_path / "path")
    installed = tmp_path / "home" / "plugins" / f"resource-random-v{RANDOM}"
    (tmp_path / "path").mkdir(exist_ok=True)
    (tmp_path / "path" / "pulumi-resource-random").symlink_to(installed / "pulumi-resource-random")
    assert origins(Providers.AUTO, environment)["random"] == "stand-in"


def test_asking_for_vendors_plugins_names_all_that_are_missing_and_how_to_get_them(
    environment: dict[str, str],
) -> None:
    with pytest.raises(MissingPluginError) as caught:
        select.choose(Providers.REAL, environment, ["talos", "random"])
    text = str(caught.value)
    assert f"pulumi plugin install resource random {RANDOM}\n" in text
    assert "resource talos" in text
    assert "--server github://api.github.com/pulumiverse" in text


def test_a_chosen_plugin_counts_as_installed_for_the_engine(
    environment: dict[str, str], tmp_path: Path
) -> None:
    home, folder = tmp_path / "engine", tmp_path / "bin"
    chosen = select.choose(Providers.STAND_IN, environment, ["random"])
    select.link(chosen, home, folder)
    select.link(chosen, home, folder)
    assert [place.name for place in folder.iterdir()] == ["pulumi-language-python"]
    installed = home / "plugins" / f"resource-random-v{RANDOM}" / "pulumi-resource-random"
    assert installed.resolve() == chosen[1].executable.resolve()
