"""Talos control planes with their etcd, as talosctl shows them: its own tables and errors.

Modelled: data directories, members, learners, who leads, machines that do not answer, a bootstrap
that takes a few looks to show. Absent: raft, workers, everything else.
"""

from dataclasses import dataclass, field

from provider.talosctl import Credentials, Machine, TalosError, failure

# As talosctl 1.13.0 printed them, for machines of the lab.
UNREACHABLE = (
    'error fetching logs: rpc error: code = Unavailable desc = connection error: desc = "transport:'
    ' Error while dialing: dial tcp {}:50000: connect: no route to host"'
)
NO_ETCD = (
    "error getting members: 1 error occurred:\n\t* {}: rpc error: code = DeadlineExceeded desc = "
    "context deadline exceeded\n\n\n"
)
NOT_EMPTY = (
    "error executing bootstrap: 1 error occurred:\n\t* {}: rpc error: code = AlreadyExists desc = "
    "etcd data directory is not empty\n\n\n"
)
UNKNOWN_MEMBER = (
    "1 error occurred:\n\t* {}: rpc error: code = NotFound desc = etcdserver: member not "
    "found\n\n\n"
)
NOT_CONNECTED_YET = (
    "1 error occurred:\n\t* {}: rpc error: code = Unknown desc = failed to leave cluster: failed "
    "to remove etcd member 14833307094085260329: etcdserver: unhealthy cluster\n\n\n"
)
# After apid's source; no machine was caught so early.
NOT_MOUNTED = "{}: rpc error: code = Unknown desc = lstat /var/lib/etcd: no such file or directory"


@dataclass
class Machines:
    """Control planes by address; tests write into it.

    `deaf` machines cannot leave, `stuck` members cannot be removed. `data` holds a member's id
    where there is data, `listed` etcd's list: id, name, address, whether it is a learner.
    `starting` is how many looks a founded member stays invisible; `refusals` are what a bootstrap
    or a leave fails with before it works.
    """

    down: set[str] = field(default_factory=set)
    unmounted: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    data: dict[str, str] = field(default_factory=dict)
    listed: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    leader: str = ""
    starting: int = 0
    refusals: list[str] = field(default_factory=list)
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def reach(self, address: str, credentials: Credentials) -> Machine:
        """A client of one machine."""
        return Reached(address, credentials, machines=self)

    def founded(self, *addresses: str) -> "Machines":
        """A cluster of these control planes, cp1 the first; the first leads."""
        for number, address in enumerate(addresses, start=1):
            self.data[address] = f"{number:016x}"
            self.listed[f"{number:016x}"] = (f"cp{number}", address, False)
        self.leader = f"{1:016x}"
        return self

    def changing(self) -> list[tuple[str, ...]]:
        """The calls that change something."""
        asking = (("ls",), ("etcd", "members"), ("etcd", "status"))
        return [call for call in self.calls if not any(set(word) <= set(call) for word in asking)]

    def answer(self, address: str, arguments: tuple[str, ...]) -> str:
        """What talosctl prints; raises what it fails with."""
        self.calls.append((address, *arguments))
        if address in self.down:
            raise failure(address, UNREACHABLE.format(address))
        if arguments[0] == "ls":
            return self._ls(address)
        if arguments[0] == "bootstrap":
            return self._bootstrap(address)
        if address not in self.data or self.starting:
            raise failure(address, NO_ETCD.format(address))
        return self._etcd(address, arguments[1:])

    def _ls(self, address: str) -> str:
        if address in self.unmounted:
            raise failure(address, NOT_MOUNTED.format(address))
        seen = address in self.data and not self.starting
        self.starting = max(0, self.starting - 1)
        return f"NODE       NAME\n{address}   .\n" + (f"{address}   member\n" if seen else "")

    def _bootstrap(self, address: str) -> str:
        if self.refusals:
            raise failure(address, self.refusals.pop(0))
        if address in self.data:
            raise failure(address, NOT_EMPTY.format(address))
        starting = self.starting
        self.founded(address)
        self.starting = starting
        return ""

    def _etcd(self, address: str, arguments: tuple[str, ...]) -> str:
        mine = self.data[address]
        match arguments:
            case ("members",):
                return table(
                    ("NODE", "ID", "HOSTNAME", "PEER URLS", "CLIENT URLS", "LEARNER"),
                    *(
                        (address, id_, name, f"https://{at}:2380", "", str(learner).lower())
                        for id_, (name, at, learner) in self.listed.items()
                    ),
                )
            case ("status",):
                heads = ("NODE", "MEMBER", "LEADER", "RAFT INDEX", "RAFT TERM")
                more = ("RAFT APPLIED INDEX", "LEARNER", "ERRORS")
                row = (address, mine, self.leader, "9", "2", "9", "false", "")
                return table((*heads, *more), row)
            case ("forfeit-leadership",):
                if self.leader == mine:
                    self.leader = next(id_ for id_ in self.listed if id_ != mine)
            case ("leave",):
                if self.refusals:
                    raise failure(address, self.refusals.pop(0))
                if address in self.deaf:
                    raise TalosError(f"{address}: etcd does not stop", "DeadlineExceeded")
                self.listed.pop(mine, None)
                del self.data[address]
            case ("remove-member", id_) if id_ in self.stuck:
                return ""
            case ("remove-member", id_):
                if self.listed.pop(id_, None) is None:
                    raise failure(address, UNKNOWN_MEMBER.format(address))
        return ""


@dataclass(frozen=True, slots=True)
class Reached(Machine):
    """A machine whose talosctl is played."""

    machines: Machines = field(default_factory=Machines)

    def run(self, *arguments: str, timeout: float = 0.0) -> str:
        """Answer as talosctl would."""
        del timeout
        return self.machines.answer(self.address, arguments)


def table(*rows: tuple[str, ...]) -> str:
    """Rows as Go's tabwriter aligns them with a padding of three."""
    widths = [max(map(len, column)) + 3 for column in zip(*rows, strict=True)]
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + "\n"
        for row in rows
    )
