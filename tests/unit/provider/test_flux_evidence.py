"""What else is heard of an object that is not Ready: its warnings, and not those of other times."""

import pytest

from provider.flux.reading import EVENTS, with_evidence
from provider.flux.world import World
from tests.unit.provider.flux_objects import SYSTEM, Json, failed, progressing, world_of

pytestmark = pytest.mark.unit

# The fixtures' conditions are as they are since 01:00:00.
OLD, JUST_BEFORE, NOW = ("2026-11-22T00:12:00Z", "2026-11-22T00:59:59Z", "2026-11-22T01:00:00Z")


def warning(message: str, **when: str | Json | None) -> Json:
    """A warning about the Kustomization apps."""
    about = {"kind": "Kustomization", "namespace": SYSTEM, "name": "apps"}
    return {"involvedObject": about, "reason": "BuildFailed", "message": message, **when}


def heard(world: World, *events: Json) -> str:
    """All that was heard, in one text."""
    found = with_evidence(lambda path: {"items": events} if path == EVENTS else None, world)
    return "\n".join(word for one in found.evidence for word in one.words)


def test_a_warning_from_before_the_failure_is_another_failures() -> None:
    words = heard(
        world_of(failed("apps", "BuildFailed", "no such file")),
        warning("of an hour ago", lastTimestamp=OLD),
        warning("of this try", lastTimestamp=JUST_BEFORE),
        warning("told in a series", lastTimestamp=None, series={"lastObservedTime": NOW}),
        warning("long over", lastTimestamp=None, eventTime=OLD),
    )
    assert "of this try" in words
    assert "told in a series" in words
    assert "of an hour ago" not in words
    assert "long over" not in words


def test_of_what_is_being_tried_every_warning_is_heard() -> None:
    world = world_of(progressing("Kustomization", "apps", "Building manifests"))
    assert "of an hour ago" in heard(world, warning("of an hour ago", lastTimestamp=OLD))
