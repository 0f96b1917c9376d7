"""Running the real `talosctl`, without a secret on a disk or a command line.

What is private goes into memory files (memfd_create), which exist for one call and for the two
processes that hold them; talosctl reads them as /dev/fd/N. Linux only, like the lab.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from provider.rpc import Refused, life

PROGRAM = "talosctl"


@dataclass(frozen=True, slots=True, repr=False)
class Private:
    """An argument that talosctl is to read from a file; `prefix` is what its flag wants before."""

    content: bytes
    prefix: str = ""


class CtlError(Exception):
    """talosctl failed: its own words, and the gRPC code when a machine said no."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = message.partition("code = ")[2].partition(" ")[0]


def run(*arguments: str | Private, timeout: float = 60.0) -> life.Completed:
    """Run talosctl; `CtlError` when it fails."""
    with ExitStack() as files:
        descriptors: list[int] = []
        argv = [PROGRAM]
        for argument in arguments:
            if isinstance(argument, str):
                argv.append(argument)
                continue
            descriptor = files.enter_context(_in_memory(argument.content))
            descriptors.append(descriptor)
            argv.append(f"{argument.prefix}/dev/fd/{descriptor}")
        done = life.run(argv, timeout=timeout, pass_fds=descriptors, env=_environment())
    if done.status != 0:
        raise CtlError(_message(done.stderr) or f"talosctl ended with status {done.status}")
    return done


def _environment() -> dict[str, str]:
    """Ours, without a talosconfig that a call might fall back to."""
    return {name: text for name, text in os.environ.items() if name != "TALOSCONFIG"}


@contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    descriptor = os.memfd_create("talos")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield descriptor
    finally:
        os.close(descriptor)


def _message(stderr: str) -> str:
    """What went wrong, as the provider would have got it: the gRPC status, if there is one."""
    text = stderr.replace("generating PKI and tokens\n", "").strip()
    at = text.find("rpc error:")
    return text[at:] if at >= 0 else text


def refuse(summary: str, error: CtlError) -> Refused:
    """The provider's way to say it: what it wanted to do, and why it could not."""
    return Refused(f"{summary}: {error.message}")
