"""Entering private user, network, mount and process namespaces, and why it may be forbidden.

The lab's supervisor is PID 1 of its own process namespace: when it ends, however it ends, the
kernel ends every process of the lab. `unshare --kill-child` ends it when unshare itself is killed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lab.world.errors import WorldError

PROGRAMS = ("unshare", "nsenter", "setsid", "setpriv", "mount", "ip", "env")
DEADLINE = 20.0  # seconds

UNSHARE = (
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child=SIGKILL",
    "--mount-proc",
)


def surroundings() -> dict[str, str]:
    """Return our environment with the folders of system programs on PATH.

    `ip` and `mount` may lie in folders that an ordinary user's PATH lacks.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    folders += [folder for folder in ("/usr/sbin", "/sbin") if folder not in folders]
    return {**os.environ, "PATH": os.pathsep.join(folders)}


def entering(argv: list[str]) -> list[str]:
    """Return the command that runs `argv` as PID 1 of new namespaces, in a session of its own.

    It returns at once: what it starts is nobody's child and belongs to no terminal.
    """
    return ["setsid", "--fork", *UNSHARE, *argv]


def joining(init: int, cwd: Path, argv: list[str]) -> list[str]:
    """Return the command that runs `argv` in the namespaces of process `init`.

    The inner `setpriv` ends it when nsenter is killed. `env -C`, because a working directory
    opened outside would not lie below the inside's root.
    """
    return [
        "nsenter",
        f"--target={init}",
        "--user",
        "--preserve-credentials",
        "--net",
        "--mount",
        "--pid",
        "--",
        *("env", f"--chdir={cwd}", "setpriv", "--pdeathsig", "KILL", "--"),
        *argv,
    ]


def check() -> None:
    """Raise WorldError, with the way out, when the namespaces cannot be had."""
    if sys.platform != "linux":
        raise WorldError(
            f"the lab runs on Linux only (this is {sys.platform}): it is made of network"
            " namespaces; use a Linux virtual machine. The program itself runs everywhere"
        )
    around = surroundings()
    missing = [name for name in PROGRAMS if shutil.which(name, path=around["PATH"]) is None]
    if missing:
        raise WorldError(
            f"{', '.join(missing)} not installed: the lab needs util-linux, iproute2 and coreutils"
        )
    try:
        tried = subprocess.run(
            [*UNSHARE, "ip", "link", "add", "probe", "type", "bridge"],
            env=around,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorldError(f"`unshare` did not end within {DEADLINE:.0f} s") from None
    if tried.returncode != 0:
        raise WorldError(explain_refusal(tried.stderr.strip(), _read))


def explain_refusal(said: str, read: Callable[[str], str | None]) -> str:
    """Say why namespaces were refused and how to allow them; `read` returns a sysctl or None."""
    start = f"this system lets no ordinary user make namespaces ({said}): "
    if read("user/max_user_namespaces") == "0":
        return start + "allow them with `sudo sysctl -w user.max_user_namespaces=15000`"
    if read("kernel/unprivileged_userns_clone") == "0":
        return start + "allow them with `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
    if read("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return start + (
            "AppArmor restricts them (Ubuntu 23.10 and later); allow them with"
            " `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
        )
    if "bridge" in said or "Unknown device type" in said or "not supported" in said:
        return (
            f"this kernel makes no bridge ({said}): load it with `sudo modprobe bridge`, or use a"
            " kernel that has it"
        )
    return start + (
        "inside a container, start it with a seccomp profile that allows unshare and mount"
        " (for example `--security-opt seccomp=unconfined`), or run the lab on the host"
    )


def _read(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None
