"""`on_destroy.reset`: wiping STATE and EPHEMERAL of a machine whose configuration is destroyed."""

from lab.plugins.talos.connection import Machine, Target
from lab.plugins.talos.ctl import CtlError, refuse


def reset(target: Target, *, graceful: bool, reboot: bool, timeout: float) -> None:
    """Reset the machine and wait until talosctl has seen it happen, once, without retries."""

    def wipe(machine: Machine) -> None:
        machine.ctl(
            "reset",
            f"--graceful={str(graceful).lower()}",
            f"--reboot={str(reboot).lower()}",
            "--system-labels-to-wipe=STATE",
            "--system-labels-to-wipe=EPHEMERAL",
            "--wait",
            f"--timeout={int(timeout)}s",
            timeout=timeout + 30,
        )

    try:
        target.attempt(wipe)
    except CtlError as error:
        raise refuse("Error resetting machine", error) from None
