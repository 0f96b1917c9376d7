"""The program's run: facts checked, layers built, exports set. Called by `__main__.py` alone.

Whatever a person can have got wrong ends here as one message, before any provider is called.
"""

import asyncio
import gc
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi import Output

from components.secrets.settings import settings
from config.cluster import Cluster
from config.errors import ConfigError
from config.identity import Identity, identity_problem, mismatched, read_identity
from config.load import collisions, load_cluster, no_such_stack, placeholders, stack_paths
from config.neighbours import twin
from config.owned import Owned
from config.spelling import meant
from stacks import keys
from stacks.cluster import Built, Facts, build
from stacks.owned import owned

LAB_VARIABLE = "HEARTH_LAB"
DEBUG_VARIABLE = "HEARTH_DEBUG"
# What is wrong with a GitOps tree: repository, cluster's folder, what is ours, what is substituted.
AskTree = Callable[[Path, str, Owned, Mapping[str, str]], str | None]


def run(root: Path, *, ask_tree: AskTree) -> None:
    """Build the selected stack; `root` is where `Pulumi.<stack>.yaml` and the GitOps tree lie."""
    # A run builds one graph, keeps all of it, and ends: to look through it for garbage again and
    # again finds nothing, and takes more than half of the program's time with 500 machines.
    gc.disable()
    without_debug_messages(os.environ)
    stack = pulumi.get_stack()
    facts = load(root, stack, in_lab=bool(os.environ.get(LAB_VARIABLE)))
    refuse_strange_halves(stack, facts.identity, keys.private_halves(pulumi.Config("hearth")))
    refuse_two_owners(root, facts.cluster, ask_tree)
    export(facts, build(facts))
    pulumi.run(registering)


async def registering() -> None:
    """Let every registration begin, before the SDK waits for the program's end.

    Where none has begun, the SDK waits for all outputs together, and anew whenever one is there
    (`pulumi.runtime.stack.wait_for_rpcs`, 3.272): most of the program's time with 500 machines.
    Registrations that have begun it awaits one by one, and the outputs with them.
    """
    await asyncio.sleep(0)


def without_debug_messages(environment: Mapping[str, str]) -> None:
    """Keep the SDK's debug messages from the engine, unless HEARTH_DEBUG asks for them.

    The SDK sends each of them by itself and waits for the answer, also when nobody has said
    `--debug` (`pulumi.log`, 3.272): for 600 components that is 60 % of the program's time.
    """
    if not environment.get(DEBUG_VARIABLE):
        pulumi.log.debug = unsaid


def unsaid(*_message: object, **_options: object) -> None:
    """Takes a message and tells nobody."""


def load(root: Path, stack: str, *, in_lab: bool) -> Facts:
    """The stack's facts, or everything that is wrong with them."""
    config = pulumi.Config("hearth")
    raw: Any = config.get_object("cluster")
    if raw is None:
        raise pulumi.RunError(without_facts(root, stack))
    try:
        cluster = load_cluster(raw, stack)
        refuse_collisions(root, stack)
        identity = read_identity(config.get_object("identity"), stack)
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from None
    problem = identity_problem(identity, in_lab=in_lab, stack=stack)
    if problem or identity is None:
        raise pulumi.RunError(problem or "no identity")
    refuse_twin(root, stack, identity)
    if not in_lab:
        refuse_placeholders(root / f"Pulumi.{stack}.yaml")
    return Facts(cluster=cluster, identity=identity, keys=keys.read(config, cluster))


def without_facts(root: Path, stack: str) -> str:
    """What to say of a stack without facts: the engine makes its file at the first `stack init`."""
    others = {name: path for name, path in stack_paths(root).items() if name != stack}
    if stack not in stack_paths(root) or meant(stack, others):
        return no_such_stack(stack, others)
    return f"Pulumi.{stack}.yaml has no hearth:cluster: `./hearth config check` says what it needs"


def refuse_collisions(root: Path, stack: str) -> None:
    """No two stacks share an address, a machine number or a name; raises ConfigError."""
    found = collisions(root, stack)
    if found:
        raise ConfigError(stack, found)


def refuse_twin(root: Path, stack: str, identity: Identity) -> None:
    """No two stacks share an identity: what is sealed for one would open in the other."""
    other = twin(root, stack, identity)
    if other:
        raise pulumi.RunError(
            f"The identity of {stack} is that of {other}: what is sealed for one cluster would "
            f"open in the other. Take hearth:identity and its keys out of Pulumi.{stack}.yaml and "
            f"make its own with `./hearth identity init {stack}`"
        )


def refuse_strange_halves(stack: str, identity: Identity, private: Mapping[str, str]) -> None:
    """Secrets in Git are sealed against the public halves; other private ones open none."""
    strange = mismatched(identity, private)
    if strange:
        raise pulumi.RunError(
            f"{', '.join(strange)} of {stack} do not belong to the public halves in "
            "hearth:identity: what is sealed against those would never open. Both come from one "
            f"`./hearth identity init {stack}`: put the file back as it was then (`git log -p "
            f"Pulumi.{stack}.yaml`)"
        )


def refuse_two_owners(root: Path, cluster: Cluster, ask_tree: AskTree) -> None:
    """What the program makes in the cluster, the GitOps tree does not make too."""
    said = ask_tree(root, cluster.gitops.path, owned(cluster), settings(cluster))
    if said:
        raise pulumi.RunError(said)


def refuse_placeholders(path: Path) -> None:
    """Outside the lab no value may stand that only the owner can know."""
    found = placeholders(path.read_text())
    if found:
        lines = "\n".join(f"  {path.name}:{item.line}: {item.text}" for item in found)
        raise pulumi.RunError(
            f"{len(found)} values are still placeholders; put in your own and take the mark away:\n"
            f"{lines}"
        )


def export(facts: Facts, built: Built) -> None:
    """What a person needs next; never a machine config."""
    cluster = facts.cluster
    pulumi.export("endpoint", cluster.endpoint)
    pulumi.export("kubeconfig", Output.secret(built.kubeconfig))
    pulumi.export("talosconfig", Output.secret(built.talosconfig))
    if built.parent_zone_records is not None:
        pulumi.export("parentZoneRecords", built.parent_zone_records)
    pulumi.export("whatNow", what_now(cluster.name))


def what_now(stack: str) -> list[str]:
    """The commands to go on with."""
    return [
        f"pulumi stack output -s {stack} kubeconfig --show-secrets > kubeconfig",
        f"pulumi stack output -s {stack} talosconfig --show-secrets > talosconfig",
        "kubectl --kubeconfig kubeconfig get nodes",
        "kubectl --kubeconfig kubeconfig -n flux-system get kustomizations",
    ]
