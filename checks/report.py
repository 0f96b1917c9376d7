"""Findings for people and for programs: text, JSON, SARIF 2.1.0, GitHub's annotations. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence

from checks.finding import Finding, Rule

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def text(found: Sequence[Finding], rules: Sequence[Rule]) -> str:
    """A block for each finding: place, what is wrong, what came of it elsewhere, what to do."""
    outages = {rule.name: rule.outage for rule in rules}
    return "\n\n".join(
        f"{one.place}: {one.message} [{one.rule}]\n  fix: {one.fix}\n  because: {outages[one.rule]}"
        for one in found
    )


def as_json(found: Sequence[Finding], rules: Sequence[Rule]) -> str:
    """A list of objects with file, line, rule, message, fix."""
    del rules
    return json.dumps(
        [
            {
                "file": str(one.file),
                "line": one.line,
                "rule": one.rule,
                "message": one.message,
                "fix": one.fix,
            }
            for one in found
        ],
        indent=2,
    )


def sarif(found: Sequence[Finding], rules: Sequence[Rule]) -> str:
    """One run of one tool; source: OASIS, SARIF 2.1.0, sections 3.14, 3.19, 3.27, 3.49."""
    described = [
        {
            "id": rule.name,
            "shortDescription": {"text": rule.forbids},
            "fullDescription": {"text": rule.outage},
            "defaultConfiguration": {"level": "error"},
        }
        for rule in rules
    ]
    order = {rule.name: number for number, rule in enumerate(rules)}
    results = [
        {
            "ruleId": one.rule,
            "ruleIndex": order[one.rule],
            "level": "error",
            "message": {"text": f"{one.message}. Fix: {one.fix}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": one.file.as_posix(), "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": one.line},
                    }
                }
            ],
        }
        for one in found
    ]
    driver = {"name": "hearth check", "rules": described}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def github(found: Sequence[Finding], rules: Sequence[Rule]) -> str:
    """Workflow commands; source: docs.github.com, "Workflow commands", setting an error message."""
    del rules
    return "\n".join(
        f"::error file={escaped(str(one.file), ',:')},line={one.line},"
        f"title={escaped(one.rule, ',:')}::{escaped(f'{one.message}. Fix: {one.fix}')}"
        for one in found
    )


def escaped(words: str, more: str = "") -> str:
    """What a workflow command may hold; properties escape more than messages."""
    for character in f"%\r\n{more}":
        words = words.replace(character, f"%{ord(character):02X}")
    return words


FORMATS: Mapping[str, Callable[[Sequence[Finding], Sequence[Rule]], str]] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "github": github,
}
