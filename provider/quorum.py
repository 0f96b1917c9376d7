"""Quorum: refuses a plan that takes more than one control plane down, before anything runs.

An engine replaces whatever its inputs say, all at once; etcd lives on only while most of its
members do. So the facts whose change replaces a control plane, or takes it off the network, are
kept here once more, and `check` compares them with the last run's: in a preview and in an `up`
alike, ahead of every operation on a machine, because machines take a value from this resource.

It sees what the facts say and nothing else: `--replace` and `--target` on the command line pass it
by. That two changes which it lets through do not overlap is the business of `Turn`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from provider.kept import Kept
from provider.rpc import Failure, Properties, plain
from provider.rpc.wire import same

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Loss:
    """A control plane that a plan takes down, and why, in words for its owner."""

    name: str
    why: str


class Quorum(Kept):
    """Inputs: `cluster`, and `controlPlanes`: by name, the facts whose change takes a machine down.

    Facts are named in the words that the refusal uses. Nothing replaces this resource.
    """

    required = ("cluster", "controlPlanes")
    identity = "quorum"

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Refuse when the run before had the control planes and this one takes too many of them."""
        inputs, failures = super().check(olds, news)
        before, after = plain(olds).get("controlPlanes"), plain(inputs).get("controlPlanes")
        if isinstance(before, dict) and isinstance(after, dict):
            lost = losses(before, after)
            if len(lost) > spare(len(before)):
                reason = refusal(str(plain(inputs).get("cluster")), len(before), lost)
                # No property: the engine would print its whole value in front of the reason.
                failures.append(Failure("", reason))
        return inputs, failures


def spare(members: int) -> int:
    """How many control planes may go at a time: one, where the others still are most of them."""
    return min(1, (members - 1) // 2)


def losses(before: Mapping[str, Facts], after: Mapping[str, Facts]) -> list[Loss]:
    """The control planes that go from one run to the next; those that come take nothing down."""
    found = []
    for name, old in sorted(before.items()):
        new = after.get(name)
        if new is None:
            found.append(Loss(name, "is no control plane any more"))
        elif changes := changed(old, new):
            found.append(Loss(name, f"is made anew or cut off: {'; '.join(changes)}"))
    return found


def changed(old: Facts, new: Facts) -> list[str]:
    """Each fact that differs, as `VMID 1011 -> 2011`; one that only one side knows is no change.

    A version of the program that keeps a fact more must not read as machines that change.
    """
    return [
        f"{fact} {old[fact]} -> {new[fact]}"
        for fact in old
        if fact in new and not same(old[fact], new[fact])
    ]


def refusal(cluster: str, members: int, lost: list[Loss]) -> str:
    """What the plan would do to which machine, and the way to get there."""
    if members == 1:
        what = f"the only control plane of {cluster}, and its etcd is the cluster"
        way = (
            "Add two control planes and run `pulumi up`, then make this change; or run `pulumi "
            "destroy` and `pulumi up`: the identity stays the same."
        )
    else:
        what = (
            f"{len(lost)} of {members} control planes of {cluster} in one run, and etcd may lose "
            "its majority"
        )
        way = (
            "Go one at a time: keep one of these changes in the stack's file, take the others "
            "back, run `pulumi up`, and go on with the next once it has ended well."
        )
    lines = [f"  {loss.name} {loss.why}" for loss in lost]
    return "\n".join([f"refused: this takes down {what}:", *lines, f"Nothing was changed. {way}"])
