"""A Talos machine in maintenance mode: nobody has configured it, so it answers whoever asks.

Talos 1.13 serves there what a reader may see, and takes a configuration; nothing else is allowed,
a reset or an upgrade least of all (the rules are in its `machined` service). An incomplete
configuration takes effect and leaves the machine in maintenance mode. Nothing is decided here.
"""

import json
from dataclasses import dataclass

from provider.talosctl import PROGRAM, SECONDS, Asked, TalosError, launch, unnamed_file

# What Talos before 1.13 answers to a question for its version.
UNANSWERABLE = "Unimplemented"
# It says yes at once. With new addresses the yes can get lost on its way, and whether it was one
# the next look tells.
APPLY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class BlankMachine(Asked):
    """One machine, asked without credentials and whoever it says it is."""

    address: str
    program: str = PROGRAM

    def version(self, timeout: float = SECONDS) -> str:
        """The Talos version that runs, as in v1.13.0; "" when it is too old to say so."""
        try:
            answer = self.run("version", "--json", timeout=timeout)
        except TalosError as error:
            if error.code == UNANSWERABLE:
                return ""
            raise
        return str(json.loads(answer)["version"]["tag"])

    def apply(self, configuration: str, timeout: float = APPLY_SECONDS) -> None:
        """Give it a configuration; with an incomplete one it stays in maintenance mode."""
        with unnamed_file(configuration.encode()) as descriptor:
            file = f"/dev/fd/{descriptor}"
            argv = [self.program, "apply-config", "--file", file, *self.access]
            launch(argv, self.address, timeout, [descriptor])

    def run(self, *arguments: str, timeout: float = SECONDS) -> str:
        """What talosctl prints; `TalosError` when it fails."""
        return launch([self.program, *arguments, *self.access], self.address, timeout)

    @property
    def access(self) -> list[str]:
        """How talosctl is told whom to ask."""
        return ["--insecure", "--nodes", self.address]
