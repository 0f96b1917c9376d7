"""The programs that the lab runs for pods: which image stands for what, with which arguments.

A row has an image's repository and a program, of the shelf or of this tree; the simulated kubelet
runs it as the pod (`lab/talos/README.md` explains the words in braces). Pods of all other images
are played. Whether a pod exists at all is the cluster's business: a row alone starts nothing.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.charts.descriptions import DESCRIPTIONS, describe

FLUX = "ghcr.io/fluxcd"
FLUX_OPERATOR = "ghcr.io/controlplaneio-fluxcd/flux-operator"
ACCOUNT = {"KUBECONFIG": "{kubeconfig}", "RUNTIME_NAMESPACE": "{namespace}"}
READY = "http://{address}:{port:health}/readyz"


@dataclass(frozen=True, kw_only=True)
class Program:
    """One row, in the simulator's own words; `path` is absolute."""

    image: str
    path: str
    args: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str | None = None


def programs(root: Path, shelf: Path) -> tuple[Program, ...]:
    """Return every row there is a program for: `root` is this tree, `shelf` holds the tools."""
    rows = (*_flux(shelf), *_charts(shelf))
    on_shelf = [row for row in rows if Path(row.path).exists()]
    return (*on_shelf, *_sealed_secrets(root, shelf), *_own(root, shelf))


def write_programs(path: Path, rows: Sequence[Program]) -> None:
    """Write the table for the simulator of the machines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def module(root: Path, image: str, name: str, *arguments: str, ready: str | None = None) -> Program:
    """Return a row whose program is `python -m NAME` of this tree."""
    return Program(
        image=image,
        path=sys.executable,
        args=("-m", name, *arguments),
        environment={**ACCOUNT, "PYTHONPATH": str(root)},
        ready=ready,
    )


def _own(root: Path, shelf: Path) -> tuple[Program, ...]:
    """The rows whose programs are modules of this tree, one line each: `module(root, ...)`."""
    operator = (
        *("--kubeconfig", "{kubeconfig}", "--health-addr", "{address}:{port:health}"),
        *("--definitions", str(shelf / "crds" / "flux.yaml")),
    )
    return (module(root, FLUX_OPERATOR, "lab.fluxoperator", *operator, ready=READY),)


def _sealed_secrets(root: Path, shelf: Path) -> tuple[Program, ...]:
    """The sealed-secrets controller, which takes no kubeconfig: `lab.incluster` starts it.

    It makes no keys of its own, as the GitOps tree has it.
    """
    controller = shelf / "sealed-secrets-controller"
    unshare = shutil.which("unshare")
    if not controller.exists() or unshare is None:
        return ()
    row = Program(
        image="docker.io/bitnami/sealed-secrets-controller",
        path=unshare,
        args=(
            *("--mount", sys.executable, "-m", "lab.incluster", str(controller)),
            "--key-renew-period=0",
            "--listen-addr={address}:{port:http}",
            "--listen-metrics-addr={address}:{port:metrics}",
        ),
        environment={**ACCOUNT, "POD_NAMESPACE": "{namespace}", "PYTHONPATH": str(root)},
        ready="http://{address}:{port:http}/healthz",
    )
    return (row,)


def _flux(shelf: Path) -> tuple[Program, ...]:
    """Flux's controllers, with the flags of their own manifests but for addresses.

    How much at once and how soon again is the pod's own to say: it follows from the size.
    Services are not routed in the lab, so artifacts are advertised at the machine's address, and no
    controller sends its events to the notification controller. Leaders are not elected: where, a
    controller reads from a file that a container has and a process here has not.
    """
    usual = ("--watch-all-namespaces", "--log-level=info", "--log-encoding=json")
    health = "--health-addr={address}:{port:health}"
    metrics = "--metrics-addr={address}:{port:metrics}"
    storage = (
        "--storage-path={directory}",
        "--storage-addr={address}:{port:storage}",
        "--storage-adv-addr={address}:{port:storage}",
    )
    receiving = (
        "--events-addr={address}:{port:events}",
        "--receiverAddr={address}:{port:receiver}",
    )
    return tuple(
        Program(
            image=f"{FLUX}/{name}",
            path=str(shelf / name),
            args=(*usual, health, metrics, *own),
            flags=("--concurrent", "--requeue-dependency"),
            environment={**ACCOUNT, "GOGC": "50"},
            ready=READY,
        )
        for name, own in (
            ("source-controller", storage),
            ("kustomize-controller", ()),
            ("helm-controller", ()),
            ("notification-controller", receiving),
        )
    )


def _charts(shelf: Path) -> Iterator[Program]:
    """The controllers of vendors' charts, all played by one program; what, their descriptions say.

    An image that a chart uses for other pods, too, runs there without rights, and writes nothing.
    """
    for path in sorted(DESCRIPTIONS.glob("*.yaml")):
        controller = describe(path).document.get("controller")
        if controller:
            yield Program(
                image=controller["image"],
                path=str(shelf / "operators"),
                args=(
                    f"--description={path}",
                    f"--crds={shelf / 'crds'}",
                    "--kubeconfig={kubeconfig}",
                    "--namespace={namespace}",
                    "--pod={pod}",
                    "--listen={address}:{port:health}",
                ),
                environment={"GOGC": "50"},
                ready=READY,
            )
