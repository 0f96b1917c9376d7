"""Machines, etcd and API servers, as every machine tells it: each asked at its own address.

Asking and judging are apart. A machine that does not answer is not as wanted; that is no "could not
ask", because every machine of a cluster has to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ops.status.report import Row, Section, Verdict
from provider import control_planes
from provider.control_planes import Answer
from provider.host_probe import SCHEMATIC
from provider.rpc.parallel import at_once
from provider.talos_output import Member
from provider.talosctl import Credentials, Machine, TalosError

# A machine that is off was told by the knock before: this is for one that is only slow.
ANSWER_SECONDS = 12.0
RUNNING = "running"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What every machine should run; without a schematic the state names none."""

    talos: str
    schematic: str | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one machine says of itself; `silence` is why it says nothing."""

    version: str = ""
    schematic: str = ""
    stage: str = ""
    silence: str = ""


def ask(address: str, credentials: Credentials) -> Found:
    """One machine."""
    if silence := control_planes.unreachable(address):
        return Found(silence=silence)
    machine = Machine(address, credentials)
    try:
        extensions = {
            str(item["spec"]["metadata"]["name"]): str(item["spec"]["metadata"]["version"])
            for item in machine.get("extensions", ANSWER_SECONDS)
        }
        stages = [
            str(item["spec"]["stage"]) for item in machine.get("machinestatus", ANSWER_SECONDS)
        ]
        version = machine.version(ANSWER_SECONDS)
    except TalosError as error:
        return Found(silence=str(error))
    return Found(
        version=version,
        schematic=extensions.get(SCHEMATIC, ""),
        stage=stages[0] if stages else "",
    )


def machines(addresses: Mapping[str, str], wanted: Wanted, credentials: Credentials) -> Section:
    """All machines at once."""
    found = at_once(lambda address: ask(address, credentials), list(addresses.values()))
    rows = [row(name, one, wanted) for name, one in zip(addresses, found, strict=True)]
    well = sum(one.verdict is Verdict.WELL for one in rows)
    summary = f"{well} of {len(rows)} run Talos {wanted.talos} with the stack's image"
    return Section(name="machines", rows=tuple(rows), summary=summary)


def row(name: str, found: Found, wanted: Wanted) -> Row:
    """Whether a machine is as wanted."""
    actual = {"talos": found.version, "schematic": found.schematic, "stage": found.stage}
    if found.silence:
        return Row(
            name=name,
            verdict=Verdict.WRONG,
            actual=actual,
            why=found.silence,
            todo="look at its power and its cable, then at its console",
        )
    why = []
    if found.version != wanted.talos:
        why.append(f"it runs Talos {found.version}, wanted is {wanted.talos}")
    if wanted.schematic is not None and found.schematic != wanted.schematic:
        why.append(
            f"its image is of schematic {found.schematic[:12] or '(none)'}, wanted is "
            f"{wanted.schematic[:12]}"
        )
    if found.stage != RUNNING:
        why.append(f"its Talos is {found.stage or 'in no stage'}, not {RUNNING}")
    verdict = Verdict.WRONG if why else Verdict.WELL
    return Row(name=name, verdict=verdict, actual=actual, why="; ".join(why), todo=todo(why))


def todo(why: Sequence[str]) -> str:
    """What to do about a machine that answers."""
    if not why:
        return ""
    booting = any("its Talos is" in one for one in why)
    return "wait for it, or look at its console" if booting else "install the wanted image on it"


Ask = Callable[[str, Credentials], Answer]


def etcd(
    planes: Mapping[str, str], credentials: Credentials, one: Ask = control_planes.ask
) -> Section:
    """etcd's members, as every control plane's own member knows them."""
    return judged(control_planes.ask_all(planes, credentials, one))


def judged(answers: Mapping[str, Answer]) -> Section:
    """Whether every control plane is a voting member that knows the same members as all others."""
    known = {member.id: member for answer in answers.values() for member in answer.members}
    if not known:
        silent = "; ".join(f"{name}: {one.silence}" for name, one in answers.items())
        return Section(name="etcd", unasked=silent or "there are no control planes")
    rows = [member_row(name, answer, known) for name, answer in answers.items()]
    rows += [stranger(one) for one in known.values() if one.name not in answers]
    voters = sum(not one.learner for one in known.values())
    return Section(name="etcd", rows=tuple(rows), summary=f"{voters} voting members")


def member_row(name: str, answer: Answer, known: Mapping[str, Member]) -> Row:
    """One control plane's member; its API server has a section of its own."""
    why = control_planes.unwell(name, answer, known)
    own = next((one for one in known.values() if one.name == name), None)
    actual = {"id": own.id, "learner": str(own.learner).lower()} if own else {}
    if not why or why == answer.api_server:
        return Row(name=name, actual=actual)
    advice = "where it is lost for good, take it out of the facts: `pulumi up` removes its member"
    return Row(name=name, verdict=Verdict.WRONG, actual=actual, why=why, todo=advice)


def stranger(member: Member) -> Row:
    """A member that no control plane of the facts is."""
    return Row(
        name=member.name or member.id,
        verdict=Verdict.WRONG,
        actual={"id": member.id, "learner": str(member.learner).lower()},
        why="a member of etcd that is no control plane of the facts",
        todo=f"`talosctl etcd remove-member {member.id}` once you know whose it was",
    )
