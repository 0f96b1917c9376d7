"""What a plugin is, as data: its name, its version, and what it can do by token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from provider.rpc.diff import Diff, field_wise
from provider.rpc.errors import Failure
from provider.rpc.resource import Resource
from provider.rpc.wire import Properties

Function = Callable[[Properties], Properties]
Checked = tuple[Properties, list[Failure]]
Check = Callable[[Properties, Properties], Checked]


def accept_inputs(olds: Properties, news: Properties) -> Checked:
    """Take inputs as they are: what a check comes to where there is nothing to check."""
    del olds
    return news, []


def _ignore(config: Properties) -> None:
    del config


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A plugin: what it is called and what it can do, by token (`random:index/...:RandomId`).

    `configure` gets the provider's inputs, secrets unwrapped, before anything else is called; it is
    not called while they hold an unknown. Non-string inputs arrive as the SDK sends them: as JSON
    in a string. `check_config` and `diff_config` see them as `Secret`/`UNKNOWN`. Functions get
    plain arguments and may raise `InvalidArguments`; their results are not secret, as a bridged
    provider's are not (the SDK marks them when an argument was).
    """

    name: str
    version: str
    resources: Mapping[str, Resource] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    configure: Callable[[Properties], None] = _ignore
    check_config: Check = accept_inputs
    diff_config: Callable[[Properties, Properties], Diff] = field_wise
