"""The pure parts of the bench: bigger stacks, bare programs, and what is made of raw figures."""

import subprocess
import sys
from copy import deepcopy
from typing import Any

import pytest

from config.load import load_cluster
from lab.bench.bare import registrations
from lab.bench.commands import create
from lab.bench.grown import grow
from lab.bench.imports import heaviest, times, total
from lab.bench.processes import Watch, high_water, peak, ticks
from lab.bench.table import line, seconds
from tests.unit.components.committed import ROOT, raw

pytestmark = pytest.mark.unit

URN = "urn:pulumi:test-cluster::hearth::"
PROVIDER = URN + "hearth:auth:Auth$pulumi:providers:proxmoxve::auth-proxmox"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def grown(machines: int) -> dict[str, Any]:
    facts = deepcopy(raw("test-cluster"))
    grow(facts, machines)
    return facts


@pytest.mark.parametrize("machines", [4, 5, 50, 500])
def test_a_stack_with_more_machines_passes_every_rule(machines: int) -> None:
    cluster = load_cluster(grown(machines), "test-cluster")
    assert len(cluster.machines) == machines
    assert len(cluster.control_planes) == 3


def test_a_stack_is_not_grown_below_its_control_planes_and_a_worker() -> None:
    with pytest.raises(ValueError, match="3 machines leave none"):
        grown(3)


def goal(urn: str, **more: Any) -> dict[str, Any]:
    kind, _, name = urn.removeprefix(URN).partition("::")
    return {"goal": {"type": kind.rpartition("$")[2], "name": name, "custom": True, **more}}


def adds(**inputs: Any) -> dict[str, Any]:
    return {"adds": inputs}


POOL = URN + "hearth:auth:Auth$proxmoxve:index/poolLegacy:PoolLegacy::auth-pool"
DEFAULT = URN + "pulumi:providers:pulumi::default"
PLAN = {
    "resourcePlans": {
        URN + "pulumi:pulumi:Stack::s": goal(URN + "pulumi:pulumi:Stack::s", inputDiff={}),
        URN + "hearth:cni:Cni::cni": goal(URN + "hearth:cni:Cni::cni", custom=False, inputDiff={}),
        POOL: goal(
            POOL,
            provider=f"{PROVIDER}::some-id",
            inputDiff=adds(poolId="p", deep=[{"key": {**SECRET, "plaintext": '"in clear"'}}]),
        ),
        PROVIDER: goal(
            PROVIDER,
            inputDiff=adds(endpoint="https://atlas", version="8.6.0", __internal={"x": "y"}),
        ),
        DEFAULT: goal(DEFAULT, inputDiff={}),
        URN + "pulumi:index:Stash::view": goal(
            URN + "pulumi:index:Stash::view",
            provider=f"{DEFAULT}::id",
            inputDiff=adds(input={"a": "b"}),
        ),
    }
}


def test_a_bare_program_registers_providers_first_and_components_never() -> None:
    found = registrations(PLAN)
    assert [item["name"] for item in found] == ["auth-proxmox", "auth-pool", "view"]
    assert [item["provider"] for item in found] == ["", "auth-proxmox", ""]


def test_a_bare_programs_arguments_are_the_plans_with_secrets_as_literals() -> None:
    provider, pool, _ = registrations(PLAN)
    assert provider["inputs"] == {"endpoint": "https://atlas"}
    assert pool["inputs"] == {"poolId": "p", "deep": [{"key": "in clear"}]}


IMPORTS = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   config.base
import time:      2000 |       2100 | config
import time:       400 |        400 |     yaml
"""


def test_imports_are_added_up_by_package_and_counted_once() -> None:
    assert list(times(IMPORTS)) == [("config.base", 0.0001), ("config", 0.002), ("yaml", 0.0004)]
    assert total(IMPORTS) == pytest.approx(0.0025)
    package, own = heaviest(IMPORTS)[0]
    assert package == "config"
    assert own == pytest.approx(0.0021)


def test_the_parts_of_a_create_add_up_to_the_whole() -> None:
    report = {
        "createSeconds": 20.0,
        "criticalPath": {"seconds": 9.0, "urns": ["a", "b"]},
        "stages": [
            {"urn": "a", "start": 3.0, "end": 8.0},
            {"urn": "b", "start": 10.0, "end": 14.0},
            {"urn": "c", "start": 2.0, "end": 5.0},
        ],
    }
    figures = [figure.split(" s")[0] for _, figure in create(report)]
    assert figures == ["20.0", "9.0", "3.0", "2.0", "6.0"]
    assert sum(map(float, figures[1:])) == pytest.approx(float(figures[0]))


def test_the_largest_resident_set_is_read_in_bytes_and_a_dead_process_has_none() -> None:
    assert high_water("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n") == 2 << 20
    assert high_water("Name:\tx\nState:\tZ (zombie)\n") == 0


def test_processor_time_is_read_whatever_a_process_is_called() -> None:
    odd = "7 (a) b (c) S 1 7 7 0 -1 4194560 200 0 0 0 150 25 99 99 20 0 1 0"
    assert ticks(odd) == 175


def test_a_watch_sees_what_a_process_starts_and_how_large_it_is() -> None:
    inner = "import sys; print(1, flush=True); sys.stdin.read()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        watch = Watch(process.pid)
        watch.look()
        process.communicate(b"")
    assert sum(watch.starts().values()) == 2
    assert peak(watch.given("sys.stdin.read")) > 1 << 20
    assert peak(watch.given("no such argument")) == 0


def test_what_is_too_wide_for_its_column_is_never_cut() -> None:
    wide = "w" * 90
    assert wide in line(wide, "1 s", "", "make bench")
    assert (seconds(0.25), seconds(2.04)) == ("250 ms", "2.0 s")


def test_the_committed_facts_are_left_alone_by_growing() -> None:
    before = deepcopy(raw("test-cluster"))
    grown(50)
    assert raw("test-cluster") == before
