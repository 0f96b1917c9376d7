"""config-change: what it counts as away, and what it demands of a preview."""

from typing import Any

import pytest

from lab.engine import Outcome
from lab.events import Log
from lab.scenarios.config_change import Watch, control_planes, reboots, shows
from lab.scenarios.rehearsal import Failed

pytestmark = pytest.mark.unit

DIFF = """\
      ~ input: {
          ~ does not reboot: {
              ~ v1alpha1: (yaml) {
                  + example.com/rack: "upper-left"
"""


def machine(name: str, stage: str = "running", *, ready: bool = True) -> dict[str, Any]:
    return {"id": f"atlas/{name}", "stage": stage, "ready": ready, "type": "controlplane"}


def preview(text: str) -> Outcome:
    return Outcome(command="preview", exit_code=0, seconds=1.0, log=Log(), output=text)


def test_the_worst_look_is_kept_with_who_was_away() -> None:
    watch = Watch()
    watch.look([machine("1"), machine("2", "rebooting", ready=False)])
    watch.look([machine("1", ready=False), machine("2", "booting", ready=False)])
    watch.look([machine("1"), machine("2")])
    assert (watch.looks, watch.worst) == (3, 2)
    assert watch.together == ["atlas/1", "atlas/2"]


def test_a_machine_that_runs_without_its_services_is_away() -> None:
    watch = Watch()
    watch.look([machine("1", ready=False)])
    assert watch.worst == 1


def test_who_booted_since_is_told_by_its_boot() -> None:
    before = {"cp1": {"bootId": "a"}, "cp2": {"bootId": "b"}}
    assert reboots(before, {"cp1": {"bootId": "a"}, "cp2": {"bootId": "c"}}) == ["cp2"]


def test_control_planes_are_told_from_workers() -> None:
    worker = {**machine("3"), "type": "worker"}
    assert control_planes({"cp2": machine("2"), "w": worker, "cp1": machine("1")}) == ["cp1", "cp2"]


def test_a_preview_that_shows_what_it_should_passes() -> None:
    shows(preview(DIFF), ["example.com/rack", "does not reboot"], hides=["reboots"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nothing", "does not show"),
        (DIFF + "          ~ reboots        : {\n", "which does not change"),
    ],
)
def test_a_preview_that_hides_a_change_or_shows_another_fails(text: str, complaint: str) -> None:
    with pytest.raises(Failed, match=complaint):
        shows(preview(text), ["example.com/rack"], hides=["reboots"])
