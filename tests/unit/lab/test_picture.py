"""The picture of a run: XML that parses, a row a resource, the path drawn, nothing fetched."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lab.critical import critical_path, needs
from lab.events import Stage
from lab.picture import COLOURS, STYLE, picture

pytestmark = pytest.mark.unit

SVG = "{http://www.w3.org/2000/svg}"
PREFIX = "urn:pulumi:s::p::"
SECRETS = PREFIX + "hearth:infrastructure:Infrastructure$talos:machine/secrets:Secrets::secrets"
CILIUM = PREFIX + "hearth:cni:Cni$kubernetes:helm.sh/v3:Release::cilium"
COMPONENT = PREFIX + "hearth:cni:Cni::cni"
ODD = PREFIX + 'random:index/randomPet:RandomPet::a<b>&"c"'


def stage(urn: str, start: float, end: float) -> Stage:
    return Stage(urn=urn, operation="create", start=start, end=end)


STAGES = [
    stage(CILIUM, 1, 5),
    stage(SECRETS, 0.5, 1),
    stage(COMPONENT, 0, 9),
    stage(ODD, 2, 2),
]
NEEDED: list[dict[str, Any]] = [
    {"urn": CILIUM, "dependencies": [SECRETS]},
    {"urn": SECRETS},
    {"urn": ODD},
]


def drawn(stages: list[Stage] = STAGES, seconds: float = 6) -> ET.Element:
    path = critical_path(stages, needs(NEEDED[: len(stages)]))
    # Our own text, never a stranger's.
    return ET.fromstring(picture("test-cluster", stages, path, seconds))  # noqa: S314


def texts(root: ET.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{SVG}text")]


def bars(root: ET.Element) -> list[ET.Element]:
    return [node for node in root.iter(f"{SVG}rect") if node.find(f"{SVG}title") is not None]


def test_every_resource_has_a_row_in_the_order_of_their_starts_and_components_have_none() -> None:
    labels = [line for line in texts(drawn()) if line.endswith(")") and not line.startswith("crit")]
    assert labels == ["secrets (Secrets)", "cilium (Release)", 'a<b>&"c" (RandomPet)']


def test_the_title_and_the_sum_of_the_critical_path_are_said_in_words() -> None:
    said = texts(drawn())
    assert said[0] == "test-cluster: 3 resources in 6.0 s"
    assert "2 resources" in said[1]
    assert "4.5 s together (75 %)" in said[1]


def test_the_critical_bars_are_marked_and_joined_by_an_edge() -> None:
    root = drawn()
    marked = [bar.findtext(f"{SVG}title") for bar in bars(root) if bar.get("class") == "path"]
    assert marked == ["Secrets secrets: 0.5 s to 1.0 s", "Release cilium: 1.0 s to 5.0 s"]
    assert len([node for node in root.iter(f"{SVG}path") if node.get("class") == "edge"]) == 1


def test_a_bars_place_and_length_follow_the_axis() -> None:
    first, second, _ = bars(drawn())
    scale = float(second.attrib["width"]) / 4
    assert float(second.attrib["x"]) - float(first.attrib["x"]) == pytest.approx(scale / 2, abs=0.2)


def test_everything_lies_within_the_page() -> None:
    root = drawn()
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for bar in bars(root):
        assert 0 <= float(bar.attrib["x"]) + float(bar.attrib["width"]) <= width
        assert 0 <= float(bar.attrib["y"]) + float(bar.attrib["height"]) <= height


def test_each_layer_has_its_colour_and_stands_in_the_legend() -> None:
    root = drawn()
    assert {bar.get("fill") for bar in bars(root)} == {
        COLOURS["infrastructure"],
        COLOURS["cni"],
        COLOURS["stack"],
    }
    assert {"infrastructure", "cni", "stack", "critical path"} <= set(texts(root))
    assert "dns" not in texts(root)


def test_nothing_is_fetched_and_a_dark_page_has_colours_of_its_own() -> None:
    assert "prefers-color-scheme: dark" in STYLE
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    links = [key for node in drawn().iter() for key in node.attrib if "href" in key]
    assert links == []


def test_a_run_without_stages_is_a_picture_too() -> None:
    assert texts(drawn([], 0))[0] == "test-cluster: 0 resources in 0.0 s"
