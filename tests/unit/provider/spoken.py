"""What a resource says to the user during a call, kept instead of sent to an engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from provider.rpc.operation import Engine, Operation, serving
from provider.rpc.proto import engine_pb2


@dataclass
class Spoken:
    """Messages by how they were said."""

    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    live: list[str] = field(default_factory=list)

    @property
    def everything(self) -> str:
        return "\n".join([*self.warnings, *self.infos, *self.live])


class Listener(Engine):
    """An engine's log that remembers."""

    def __init__(self, spoken: Spoken) -> None:
        super().__init__(None)
        self.spoken = spoken

    def log(
        self,
        severity: "engine_pb2.LogSeverity.ValueType",
        message: str,
        urn: str,
        *,
        ephemeral: bool = False,
    ) -> None:
        """Keep a message."""
        del urn
        if ephemeral:
            self.spoken.live.append(message)
        elif severity == engine_pb2.WARNING:
            self.spoken.warnings.append(message)
        else:
            self.spoken.infos.append(message)


@contextmanager
def listening() -> Iterator[Spoken]:
    """The calls inside are one operation, and what they say is kept."""
    spoken = Spoken()
    with serving(Operation(engine=Listener(spoken))):
        yield spoken
