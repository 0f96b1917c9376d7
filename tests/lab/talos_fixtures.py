"""A house of simulated Talos machines in a private network, driven by talosctl and kubectl.

One `unshare` holds the namespaces; the simulator and every client are started inside it, so that
fixed ports and production addresses are fine and the end of the house is the end of all of it. It
knows nothing of the program under rehearsal: only the machines' control API and vendors' clients.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

VERSION = "v1.13.0"
KUBERNETES = "1.36.3"
VIP = "10.0.3.1"
CONTROL = "http://127.0.0.1:9900"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork")
ALONE = "cluster: {allowSchedulingOnControlPlanes: true, network: {cni: {name: flannel}}}\n"
NETWORK = """
ip link set lo up && ip link add br0 type bridge && ip addr add 10.0.0.1/16 dev br0 &&
ip link set br0 up && echo ready && exec cat
"""


def tools_bin(folder: Path) -> Path:
    """Fill a folder with links to the programs that the simulator runs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        (folder / name).symlink_to(tool(name))
    return folder


def child_of(pid: int) -> int:
    """Return the one child of a process, 0 while it has none."""
    with suppress(FileNotFoundError, ProcessLookupError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        if text.split():
            return int(text.split()[0])
    return 0


@dataclass
class House:
    """Namespaces with a bridge, and a simulator that can be stopped and started again."""

    folder: Path
    holder: subprocess.Popen[bytes]
    options: tuple[str, ...] = ("--factory", "")
    environment: dict[str, str] = field(default_factory=dict)
    simulator: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "HEARTH_LAB": self.folder.name,
            "TALOSCONFIG": str(self.folder / "talosconfig"),
            "KUBECONFIG": str(self.folder / "kubeconfig"),
        }
        self.programs = tools_bin(self.folder / "bin")

    def inside(self, argv: Sequence[str]) -> list[str]:
        """Wrap a command so that it runs in the house."""
        target = str(child_of(self.holder.pid))
        enter = ["nsenter", "-t", target, "-U", "-n", "-m", "-p", "--preserve-credentials"]
        return [*enter, "env", "-C", str(self.folder), *argv]

    def run(
        self, *argv: str, timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the house, to its end."""
        done = subprocess.run(
            self.inside(argv),
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done

    def talosctl(
        self, *args: str, timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the real talosctl."""
        return self.run(str(tool("talosctl")), *args, timeout=timeout, check=check)

    def kubectl(
        self, *args: str, timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the real kubectl."""
        return self.run(str(tool("kubectl")), *args, timeout=timeout, check=check)

    def objects(self, *args: str) -> list[dict[str, Any]]:
        """List Kubernetes objects; none while the API does not answer."""
        done = self.kubectl("get", *args, "-o", "json", "--request-timeout=5s", check=False)
        if done.returncode != 0:
            return []
        read = cast("dict[str, Any]", json.loads(done.stdout))
        return cast("list[dict[str, Any]]", read["items"]) if "items" in read else [read]

    def control(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> tuple[int, Any]:
        """Make a call of the control API."""
        argv = ["curl", "-sS", "-m", "30", "-X", method, "-w", "\n%{http_code}", CONTROL + path]
        if body is not None:
            argv += ["-d", json.dumps(body)]
        text, _, code = self.run(*argv).stdout.rpartition("\n")
        try:
            return int(code), json.loads(text) if text else None
        except json.JSONDecodeError:
            return int(code), text

    def machine(self, name: str) -> dict[str, Any]:
        """Read one machine."""
        code, read = self.control("GET", f"/machines/{quote(name, safe='')}")
        assert code == 200, read
        return cast("dict[str, Any]", read)

    def order(self, name: str, verb: str, body: Mapping[str, object]) -> None:
        """Do something to a machine."""
        code, read = self.control("POST", f"/machines/{quote(name, safe='')}/{verb}", body)
        assert code == 200, read

    def build(self, name: str, address: str, mac: str, **more: object) -> None:
        """Create a machine and switch it on."""
        spec = {
            "id": name,
            "macs": [mac],
            "platform": "nocloud",
            "image": {"version": VERSION, "schematic": ""},
            "addresses": [f"{address}/16"],
            "gateways": ["10.0.0.1"],
            **more,
        }
        code, read = self.control("POST", "/machines", spec)
        assert code == 201, read
        self.order(name, "power", {"to": "on"})

    def start(self) -> None:
        """Start the simulator, and wait until its control API answers."""
        with (self.folder / "talossim.log").open("ab") as log:
            self.simulator = subprocess.Popen(
                self.inside(
                    [
                        str(tool("talossim")),
                        *("--bridge", "br0", "--state", str(self.folder / "state")),
                        *("--bin", str(self.programs), "--trace", str(self.folder / "trace")),
                        *self.options,
                    ]
                ),
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        wait_until(self.answers, "the control API")

    def answers(self) -> bool:
        """Tell whether the control API is up."""
        return self.run("curl", "-sf", f"{CONTROL}/healthz", check=False).returncode == 0

    def end(self, how: signal.Signals) -> int:
        """Send the simulator a signal, and return its exit status."""
        assert self.simulator is not None
        process = child_of(self.simulator.pid)
        assert process, f"the simulator has ended already: {self.log()[-2000:]}"
        os.kill(process, how)
        return self.simulator.wait(timeout=20)

    def processes(self) -> list[str]:
        """Names of the living processes in the house, besides its holder and this look at them."""
        stats = self.run("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null", check=False).stdout
        fields = [line.split()[1:3] for line in stats.splitlines()]
        return [name for name, state in fields if state != "Z" and name not in {"(cat)", "(sh)"}]

    def log(self) -> str:
        """Everything the simulator has said."""
        return (self.folder / "talossim.log").read_text(encoding="utf-8")


def one_machine(home: House, address: str, mac: str) -> None:
    """Make a cluster of one machine, `box`, that also runs ordinary pods."""
    home.build("box", address, mac)
    (home.folder / "patch.yaml").write_text(ALONE, encoding="utf-8")
    home.talosctl(
        *("gen", "config", "alone", f"https://{address}:6443", "--config-patch", "@patch.yaml"),
        *("--kubernetes-version", KUBERNETES, "--with-docs=false", "--with-examples=false"),
    )
    home.talosctl("config", "endpoint", address)
    home.talosctl("config", "node", address)

    def done(*argv: str) -> bool:
        return home.talosctl(*argv, check=False).returncode == 0

    argv = ("apply-config", "--insecure", "-n", address, "-f", "controlplane.yaml")
    wait_until(lambda: done(*argv), "maintenance mode", 60)
    wait_until(lambda: done("bootstrap"), "the machine's API", 60)
    wait_until(lambda: done("kubeconfig", "--force", "kubeconfig"), "a kubeconfig", 60)
    wait_until(lambda: len(home.objects("nodes")) == 1, "the node", 180)


@contextmanager
def house(folder: Path, options: tuple[str, ...] = ("--factory", "")) -> Iterator[House]:
    """A house with a running simulator and no machine."""
    holder = subprocess.Popen(
        [*UNSHARE, "--kill-child", "--mount-proc", "sh", "-c", NETWORK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n", "no user namespaces here?"
        made = House(folder, holder, options)
        made.start()
        yield made
        assert made.simulator is not None
        if made.simulator.poll() is None:
            made.end(signal.SIGTERM)
    finally:
        holder.kill()
        holder.communicate()
