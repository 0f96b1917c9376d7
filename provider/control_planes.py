"""Whether the control planes of a cluster are well, as every one of them tells it.

Each is asked at its own address, so that no machine speaks for another: etcd's members through its
own member, the stage its Talos is in, and whether its API server answers. Asking and judging are
apart; nothing is waited for here, and nothing is changed.
"""

import json
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPException, HTTPSConnection

from provider.rpc.parallel import at_once
from provider.talos_output import Member
from provider.talosctl import Credentials, Machine, TalosError

ETCD_DATA = "/var/lib/etcd"
TALOS_PORT, API_PORT = 50000, 6443
RUNNING = "running"
ANSWER_SECONDS = 10.0
KNOCK_SECONDS = 2.0
"""For a connection: a machine that is not there would else cost talosctl's whole deadline."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one control plane said; every text but `stage` is why not, "" when it is well.

    `blank` means that it answered and holds no data of etcd: it waits to found a cluster or join.
    """

    members: tuple[Member, ...] = ()
    stage: str = RUNNING
    silence: str = ""
    api_server: str = ""
    blank: bool = False


Ask = Callable[[str, Credentials], Answer]


def ask(address: str, credentials: Credentials) -> Answer:
    """One control plane, by its own words."""
    if silence := unreachable(address):
        return Answer(silence=silence)
    answer = words_of(Machine(address, credentials))
    return answer if answer.silence else replace(answer, api_server=api_server(address))


def unreachable(address: str, port: int = TALOS_PORT) -> str:
    """Why nothing listens at an address, "" when something does."""
    try:
        socket.create_connection((address, port), KNOCK_SECONDS).close()
    except OSError as error:
        return f"nothing answers at {address} port {port} ({error})"
    return ""


def words_of(machine: Machine) -> Answer:
    """What Talos and etcd on a machine say.

    The data directory comes first: without a member to ask, etcd's API would take its whole
    deadline to say nothing.
    """
    try:
        if not machine.names_in(ETCD_DATA, ANSWER_SECONDS):
            return Answer(silence="it holds no data of etcd yet", blank=True)
        listed = machine.members(ANSWER_SECONDS)
        status = json.loads(
            machine.run("get", "machinestatus", "--output", "json", timeout=ANSWER_SECONDS)
        )
    except TalosError as error:
        return Answer(silence=str(error))
    return Answer(members=tuple(listed), stage=str(status["spec"]["stage"]))


def api_server(address: str, port: int = API_PORT) -> str:
    """Why a machine's API server does not answer, "" when it does.

    Nothing is sent and nothing is believed but that it answers, so its certificate does not matter;
    Talos lets nobody in who shows none, so a 401 is as good as a 200.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = HTTPSConnection(address, port, timeout=ANSWER_SECONDS, context=context)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"its API server does not answer ({error or type(error).__name__})"
    finally:
        connection.close()
    return f"its API server is not ready (HTTP {status})" if status >= 500 else ""


def ask_all(planes: Mapping[str, str], credentials: Credentials, one: Ask) -> dict[str, Answer]:
    """All of them at once, by name: one that does not answer costs its deadline only once."""
    answers = at_once(lambda address: one(address, credentials), list(planes.values()))
    return dict(zip(planes, answers, strict=True))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`founded`: whether anybody knows members of etcd. `missing`: by machine, what is not well."""

    founded: bool
    missing: dict[str, str] = field(default_factory=dict)


def judge(answers: Mapping[str, Answer], machine: str, *, others_only: bool) -> Verdict:
    """Whether etcd's members are all well; with `others_only` all but `machine` itself.

    Control planes that are no members yet are not missed: their turn has not come. `machine` is, as
    it is about itself, unless there is no cluster anywhere: then it has only to answer.
    """
    known = {member.id: member for answer in answers.values() for member in answer.members}
    if not known:
        own = answers[machine]
        waits = others_only or own.blank
        return Verdict(founded=False, missing={} if waits else {machine: own.silence})
    names = {member.name for member in known.values()}
    if not others_only:
        names.add(machine)
    expected = [name for name in answers if name in names and not (others_only and name == machine)]
    found = {name: unwell(name, answers[name], known) for name in expected}
    if any(not member.name for member in known.values()) and not others_only:
        found["etcd"] = "a member has not started yet"
    return Verdict(founded=True, missing={name: why for name, why in found.items() if why})


def unwell(name: str, answer: Answer, known: Mapping[str, Member]) -> str:
    """Why a member of etcd is not well, "" when it is."""
    if answer.silence:
        return answer.silence
    if answer.stage != RUNNING:
        return f"its Talos is {answer.stage}, not {RUNNING}"
    own = next((member for member in answer.members if member.name == name), None)
    if own is None:
        return "it is no member of etcd yet"
    if own.learner:
        return "its etcd member is still a learner"
    if {member.id for member in answer.members} != set(known):
        return "it does not know the same members of etcd as the others"
    return answer.api_server
