"""Bad input that needs no world: each case as data and one small function, run in a folder.

What is said is kept exactly as it stood on the screen; `docs/errors.md` has it.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.error_page import AREAS
from tests.lab.stack_project import ROOT, STACK, project

Ended = subprocess.CompletedProcess[str]
HOST, FILE = AREAS[:2]
SECONDS = 100
OWN = "a passphrase of the owner's"
PYTHON = sys.executable
# What the libraries need of the system they have by then.
IN_DARKNESS = "import sys; from lab.cli import main; sys.platform = 'darwin'; "
UP = [str(ROOT / "hearth"), "lab", "up", "--empty"]
# Only in a user namespace of one's own may anybody forbid what the kernel allows.
FORBIDDEN = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
BROKEN = {
    "protected: false": "protcted: false",
    "vips: [10.0.3.1]": "vips: [10.9.9.9]",
    "mac: BC:24:11:0A:01:02": "mac: BC:24:11:0A:01:01",
}

CILIUM = """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec: {chart: {spec: {chart: cilium, sourceRef: {kind: HelmRepository, name: cilium}}}}
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One mistake: what is wrong, how it is made, and what must be said of it."""

    name: str
    area: str
    wrong: str
    remedy: str
    run: Callable[[Path], Ended]
    says: tuple[str, ...]
    # What comes after is a list that grows with the project.
    lines: int | None = None


def command(*argv: str, environment: Mapping[str, str] | None = None) -> Ended:
    """A command to its end, from the repository."""
    return subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def hearth(*words: str) -> Ended:
    """`./hearth` with these words."""
    return command(str(ROOT / "hearth"), *words)


def port_in_use(_folder: Path) -> Ended:
    """A simulator at a port where somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        return command(PYTHON, "-m", "lab.charts", "--listen", f"127.0.0.1:{port}")


def broken_file(folder: Path) -> Ended:
    """Several mistakes at once, judged by `config check`."""
    text = (ROOT / f"Pulumi.{STACK}.yaml").read_text()
    for good, bad in BROKEN.items():
        assert good in text
        text = text.replace(good, bad)
    (folder / f"Pulumi.{STACK}.yaml").write_text(text)
    return hearth("config", "check", STACK, "-C", str(folder))


def broken_up(folder: Path) -> Ended:
    """The same mistakes under `pulumi up`."""
    made = project(folder)
    made.replace(BROKEN)
    return made.up()


def wrong_passphrase(folder: Path) -> Ended:
    """Secrets that were encrypted under another passphrase."""
    return project(folder).up(PULUMI_CONFIG_PASSPHRASE="another one")


def no_identity(folder: Path) -> Ended:
    """A stack whose keys nobody has made yet."""
    made = project(folder)
    made.drop("hearth:identity")
    return made.up()


def labs_identity(folder: Path) -> Ended:
    """The committed file as it is, outside the lab."""
    return project(folder).up()


def twins_identity(folder: Path) -> Ended:
    """Another stack's file with the same identity."""
    made = project(folder, passphrase=OWN)
    made.own_identity()
    made.copy_identity("other")
    return made.up()


def strange_halves(folder: Path) -> Ended:
    """A private key that is not the public one's other half."""
    made = project(folder)
    made.labs_secrets()
    made.foreign_deploy_key()
    return made.up(HEARTH_LAB="a test's")


def two_owners(folder: Path) -> Ended:
    """A GitOps tree that brings Cilium as well."""
    made = project(folder)
    made.labs_secrets()
    tree = folder / "gitops" / "clusters" / STACK
    tree.mkdir(parents=True)
    (tree / "cilium.yaml").write_text(CILIUM)
    return made.up(HEARTH_LAB="a test's")


def placeholders(folder: Path) -> Ended:
    """A stack with an identity of its own and nobody's network."""
    made = project(folder, passphrase=OWN)
    made.own_identity()
    return made.up()


def unknown_stack_up(folder: Path) -> Ended:
    """A stack that is in the backend and has no file."""
    return project(folder, stack="test-clutser", file=STACK).up()


def case(
    name: str, area: str, run: Callable[[Path], Ended], *says: str, lines: int | None = None
) -> Case:
    """A case with its words from the table below."""
    wrong, remedy = WORDS[name]
    return Case(name=name, area=area, wrong=wrong, remedy=remedy, run=run, says=says, lines=lines)


WORDS = {
    "cli-not-linux": ("the lab on another system than Linux", "use a Linux virtual machine"),
    "cli-namespaces-forbidden": (
        "no user namespaces for ordinary users",
        "set the sysctl that the message names",
    ),
    "cli-unknown-word": ("a word that `./hearth` does not know", "take one of the list"),
    "cli-unknown-stack": ("a stack that has no file, in the lab", "mind the spelling"),
    "cli-unknown-stack-rehearse": ("the same in a rehearsal", "mind the spelling"),
    "cli-unknown-stack-check": ("the same in `config check`", "mind the spelling"),
    "cli-unknown-scenario": ("a scenario that there is not", "take one of the list"),
    "cli-scenario-needs": (
        "a scenario that this stack has nothing for",
        "take one of the list, or the stack that can run it",
    ),
    "cli-port-in-use": ("an address or port that is in use", "end what listens there"),
    "file-broken": ("several mistakes in the facts", "mend them all; each has its fix"),
    "file-broken-up": ("the same mistakes, under `pulumi up`", "mend them all; each has its fix"),
    "file-unknown-stack": ("a stack in the backend without a file", "mind the spelling"),
    "file-wrong-passphrase": (
        "another passphrase than the secrets' own",
        "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
    ),
    "file-no-identity": ("no identity", "make one"),
    "file-labs-identity": ("the lab's identity outside the lab", "make an own one"),
    "file-other-stacks-identity": ("the identity of another stack", "make an own one"),
    "file-strange-halves": (
        "private halves of another identity",
        "put back the file's version that `identity init` wrote",
    ),
    "file-two-owners": (
        "Cilium in the GitOps tree too",
        "take it out of the tree; policies and pools may stay",
    ),
    "file-placeholders": ("facts that only the owner knows", "put in your own"),
}
CASES = (
    case(
        "cli-not-linux",
        HOST,
        lambda _: command(PYTHON, "-c", f"{IN_DARKNESS}sys.exit(main(['up', '{STACK}']))"),
        "Linux only",
        "virtual machine",
    ),
    case(
        "cli-namespaces-forbidden",
        HOST,
        lambda _: command("unshare", "-r", "sh", "-c", FORBIDDEN, "sh", *UP, STACK),
        "sudo sysctl -w user.max_user_namespaces=",
    ),
    case("cli-unknown-word", HOST, lambda _: hearth("rehearze"), "did you mean rehearse?", lines=1),
    case(
        "cli-unknown-stack",
        HOST,
        lambda _: command(*UP, "test-clutser"),
        "did you mean test-cluster?",
    ),
    case(
        "cli-unknown-stack-rehearse",
        HOST,
        lambda _: hearth("rehearse", "test-clutser"),
        "did you mean test-cluster?",
    ),
    case(
        "cli-unknown-stack-check",
        HOST,
        lambda _: hearth("config", "check", "test-clutser"),
        "did you mean test-cluster?",
    ),
    case(
        "cli-unknown-scenario", HOST, lambda _: hearth("rehearse", "--scenarios", "creat"), "create"
    ),
    case(
        "cli-scenario-needs",
        HOST,
        lambda _: hearth("rehearse", "home-ops", "--scenarios", "core,csi-disk"),
        "home-ops cannot run csi-disk: it has no",
    ),
    case("cli-port-in-use", HOST, port_in_use, "in use"),
    case("file-broken", FILE, broken_file, "did you mean protected?", "network.vips", "mac"),
    case("file-broken-up", FILE, broken_up, "did you mean protected?", "network.vips", "mac"),
    case("file-unknown-stack", FILE, unknown_stack_up, "did you mean test-cluster?"),
    case("file-wrong-passphrase", FILE, wrong_passphrase, "incorrect passphrase"),
    case("file-no-identity", FILE, no_identity, f"./hearth identity init {STACK}"),
    case("file-labs-identity", FILE, labs_identity, "anybody can read its private halves"),
    case("file-other-stacks-identity", FILE, twins_identity, "is that of other"),
    case("file-strange-halves", FILE, strange_halves, "hearth:deployKey", "do not belong"),
    case("file-two-owners", FILE, two_owners, "two owners", "clusters/test-cluster/cilium.yaml:1"),
    case("file-placeholders", FILE, placeholders, "still placeholders", "dhcpRanges"),
)
