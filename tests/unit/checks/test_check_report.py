"""Findings as people and programs read them."""

import json
from pathlib import Path

import pytest

from checks.finding import Finding, Rule
from checks.report import FORMATS, as_json, github, sarif, text

pytestmark = pytest.mark.unit

RULE = Rule(
    name="image-tag",
    forbids="an image without a tag",
    outage="another image than was tested",
    find=lambda _: iter(()),
)
FOUND = [
    Finding(
        file=Path("gitops/apps/web/pod.yaml"),
        line=7,
        rule="image-tag",
        message="container web, 100% of it: no tag\nnone",
        fix="name one",
    )
]


def test_text_has_place_message_fix_and_what_came_of_it() -> None:
    said = text(FOUND, [RULE])
    assert said.startswith("gitops/apps/web/pod.yaml:7: container web")
    assert "[image-tag]" in said
    assert "  fix: name one\n  because: another image than was tested" in said


def test_nothing_found_is_nothing_said_but_in_documents() -> None:
    assert text([], [RULE]) == "" == github([], [RULE])
    assert json.loads(as_json([], [RULE])) == []
    assert json.loads(sarif([], [RULE]))["runs"][0]["results"] == []


def test_json_is_a_list_of_what_a_finding_holds() -> None:
    (one,) = json.loads(as_json(FOUND, [RULE]))
    assert one["file"] == "gitops/apps/web/pod.yaml"
    assert (one["line"], one["rule"], one["fix"]) == (7, "image-tag", "name one")


def test_sarif_leads_from_each_result_to_its_rule_and_place() -> None:
    document = json.loads(sarif(FOUND, [RULE]))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "gitops/apps/web/pod.yaml"
    assert place["region"] == {"startLine": 7}


def test_an_annotation_is_one_line_whatever_the_message_holds() -> None:
    said = github(FOUND, [RULE])
    assert said.startswith("::error file=gitops/apps/web/pod.yaml,line=7,title=image-tag::")
    assert "\n" not in said
    assert "100%25 of it: no tag%0Anone" in said


def test_every_format_has_a_name() -> None:
    assert set(FORMATS) == {"text", "json", "sarif", "github"}
