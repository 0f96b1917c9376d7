"""The bare program: a plan's resources with constant arguments, and nothing else.

What a preview of ours costs more than this is what components, rules and data flow cost. Made from
`pulumi preview --save-plan --show-secrets`, for a moment and in a world only. Pure but for `write`.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.bench import bare_program

PROVIDER, STACK = "pulumi:providers:", "pulumi:pulumi:Stack"
PROJECT = """name: hearth-bare
runtime: python
plugins:
  providers:
    - name: hearth
      path: {provider}
"""
# What the SDK puts into a provider's inputs itself.
OWN_INPUTS = frozenset({"version", "__internal"})
PLAIN = "plaintext"


def registrations(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the bare program registers, providers first: type, name, inputs, provider's name.

    Components are left out. What the plan does not know yet stays unknown, as in the plan.
    """
    goals = {urn: entry["goal"] for urn, entry in plan["resourcePlans"].items()}
    custom = [goal for urn, goal in goals.items() if goal.get("custom") and not is_default(urn)]
    custom.sort(key=lambda goal: not str(goal["type"]).startswith(PROVIDER))
    return [
        {
            "type": goal["type"],
            "name": goal["name"],
            "provider": provider_of(goal),
            "inputs": constant(inputs_of(goal)),
        }
        for goal in custom
        if goal["type"] != STACK
    ]


def inputs_of(goal: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's inputs, without what the SDK adds to a provider's; all are new in this plan."""
    inputs: dict[str, Any] = goal["inputDiff"].get("adds", {})
    if str(goal["type"]).startswith(PROVIDER):
        return {key: value for key, value in inputs.items() if key not in OWN_INPUTS}
    return inputs


def provider_of(goal: Mapping[str, Any]) -> str:
    """The name of the provider a resource is made with; empty for the engine's own."""
    urn = str(goal.get("provider", "")).rpartition("::")[0]
    return "" if not urn or is_default(urn) else name_of(urn)


def is_default(urn: str) -> bool:
    """Whether this is a provider that the engine makes by itself."""
    return PROVIDER in urn and name_of(urn).startswith("default")


def name_of(urn: str) -> str:
    """A resource's logical name."""
    return urn.rpartition("::")[2]


def constant(value: Any) -> Any:
    """A value as a literal: what is marked as a secret is taken out of its mark."""
    if isinstance(value, dict):
        if PLAIN in value:
            return json.loads(value[PLAIN])
        return {key: constant(item) for key, item in value.items()}
    if isinstance(value, list):
        return [constant(item) for item in value]
    return value


def write(folder: Path, plan: Mapping[str, Any], root: Path) -> None:
    """Put the program into a folder, readable by its owner alone: it holds the lab's secrets."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    (folder / "Pulumi.yaml").write_text(PROJECT.format(provider=root / "provider"))
    shutil.copyfile(str(bare_program.__file__), folder / "__main__.py")
    (folder / bare_program.RESOURCES).write_text(json.dumps(registrations(plan)))
