"""What a rule is: a plain function with an ID, and what it finds: a path, a value, a fix.

Rules differ in what they look at: one cluster, several stacks at once, the pinned versions, or a
value while it is being read (that check lives in its type and is only listed here). Nothing here
knows any particular rule, and there are no warnings: what is found is refused.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from config.cluster import Cluster
from config.versions import Versions

ROOT = "hearth:cluster"
Stacks = Mapping[str, Cluster]
Subject = TypeVar("Subject")
Check = Callable[[Subject], Iterable["Finding"]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One mistake: the key path below `hearth:cluster`, the value there, what is wrong, the fix.

    A path that starts with `/` is not below it: `/hearth:identity`, `/config/versions.py`.
    `stack` is set where several stacks were looked at together.
    """

    path: str
    value: object
    message: str
    fix: str
    rule: str = ""
    stack: str = ""

    @property
    def where(self) -> str:
        """The whole key path, as a reader finds it in the file."""
        if self.path.startswith("/"):
            return self.path[1:]
        return f"{ROOT}.{self.path}" if self.path else ROOT

    def __str__(self) -> str:
        """Path and message on one line, the fix and the rule's ID below it."""
        return f"{self.where}: {self.message}\n    {self.fix} [{self.rule}]"


@dataclass(frozen=True)
class Rule(Generic[Subject]):
    """A rule over some subject: its ID, what it demands in one line, and the check itself."""

    id: str
    title: str
    check: Check[Subject]

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The findings, each carrying this rule's ID."""
        return (replace(finding, rule=self.id) for finding in self.check(subject))


@dataclass(frozen=True)
class TypeRule:
    """A rule that a value's type checks while it reads: `config.base` raises it by this ID."""

    id: str
    title: str


class Registry(Generic[Subject]):
    """All rules over one kind of subject, in the order in which they were written."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule[Subject]] = {}

    def __call__(self, id_: str, title: str) -> Callable[[Check[Subject]], Check[Subject]]:
        """Register the decorated function under an ID; the function itself stays as it is."""

        def register(check: Check[Subject]) -> Check[Subject]:
            if id_ in self.rules:
                raise ValueError(f"two rules are called {id_!r}")
            self.rules[id_] = Rule(id_, title, check)
            return check

        return register

    def run(self, subject: Subject, off: Collection[str] = ()) -> list[Finding]:
        """What every rule that is not switched off finds."""
        active = (rule for rule in self.rules.values() if rule.id not in off)
        return [finding for rule in active for finding in rule.run(subject)]


over_cluster: Registry[Cluster] = Registry()
over_stacks: Registry[Stacks] = Registry()
over_versions: Registry[Versions] = Registry()
TYPE_RULES = (
    TypeRule("canonical-network", "A network has no host bits set"),
    TypeRule("duplicate-key", "A key stands once in its mapping; YAML would keep the last"),
    TypeRule("ambiguous-value", "A bare value is the same to every YAML parser; dates are quoted"),
    TypeRule("unknown-key", "Every key is known"),
    TypeRule("missing-key", "Every key without a default is there"),
    TypeRule("wrong-value", "Every value has the form its key wants"),
)
