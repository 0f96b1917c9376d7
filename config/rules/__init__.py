"""The cross-checks over stacks: one small module per concern, every rule with an ID.

Importing this package registers them all. To add one: a decorated function in the module of its
concern, and a failing fixture in `tests/unit/config/invalid/<rule-id>/`; tests demand the latter.
"""

from config.rules import (
    across,
    bgp,
    cni,
    compatibility,
    disks,
    dns,
    extensions,
    gitops,
    hypervisor,
    machines,
    networks,
    node_ip,
    pools,
    storage,
    vips,
    zone,
)
from config.rules.model import (
    TYPE_RULES,
    Finding,
    Rule,
    Stacks,
    over_cluster,
    over_stacks,
    over_versions,
)

MODULES = (
    networks,
    vips,
    pools,
    bgp,
    machines,
    node_ip,
    disks,
    extensions,
    hypervisor,
    storage,
    cni,
    compatibility,
    gitops,
    dns,
    zone,
    across,
)


def titles() -> dict[str, str]:
    """Every rule ID with what it demands, concern by concern."""
    rules = [
        rule
        for registry in (over_cluster, over_versions, over_stacks)
        for rule in registry.rules.values()
    ]
    order = [module.__name__ for module in MODULES]
    rules.sort(key=lambda rule: order.index(rule.check.__module__))
    return {rule.id: rule.title for rule in (*TYPE_RULES, *rules)}


__all__ = [
    "MODULES",
    "TYPE_RULES",
    "Finding",
    "Rule",
    "Stacks",
    "over_cluster",
    "over_stacks",
    "over_versions",
    "titles",
]
