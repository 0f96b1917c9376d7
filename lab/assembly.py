"""Everything a stack's world is put together from: tools, plugins, the prepared stack, the plan.

Both `./hearth lab up` and a rehearsal start here, so that what a person plays with is what is
rehearsed. It starts nothing.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lab import tools
from lab.plugins import select
from lab.preparation import Prepared, prepare
from lab.programs import programs, write_programs
from lab.tools.cache import default_root
from lab.world.facts import read_facts
from lab.world.plan import WorldPlan
from lab.world.services import programs_file, require_modules, require_setups, world_plan

STACK_STATE = ("talos", "proxmox", "cloudflare", "factory", "git", "backend", "engine")


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """A world about to be started, and where its parts come from."""

    plan: WorldPlan
    prepared: Prepared
    tools: Mapping[str, tools.Tool]
    plugins: tuple[select.Plugin, ...]


def assemble(
    root: Path, stack: str, providers: select.Providers, report: tools.Report | None
) -> Assembly:
    """Find the tools, choose the plugins, prepare the stack's files, plan the world."""
    found = tools.ensure(report=report)
    # Beside the world: the cache may be shared, and not ours to write to.
    shelf = tools.bin_directory(found, root / ".lab")
    facts = read_facts(root, stack)
    plan = world_plan(facts, root=root, shelf=shelf, real_charts=default_root() / "charts")
    require_modules(plan)
    prepared = prepare(root, stack, plan.state)
    require_setups(plan)
    write_programs(programs_file(plan.state), programs(root, shelf))
    chosen = tuple(select.choose(providers, os.environ))
    plugins = plan.state / "plugins"
    environment = dict(plan.environment)
    select.link(chosen, Path(environment["PULUMI_HOME"]), plugins)
    # Our links come before everything else, so that these plugins are used and no others.
    environment["PATH"] = os.pathsep.join((str(plugins), environment["PATH"]))
    covered = ((prepared.stack_file, root / prepared.stack_file.name),)
    plan = replace(plan, environment=environment, covers=(*plan.covers, *covered))
    return Assembly(plan=plan, prepared=prepared, tools=found, plugins=chosen)
