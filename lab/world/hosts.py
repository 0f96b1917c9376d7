"""Names inside the namespaces: files of ours bind-mounted over the system's.

The vendors' names lead to the lab's simulators, and nothing asks a DNS server, a name service
daemon or systemd-resolved, which would answer from outside. The files outside never change.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lab.world.network import run
from lab.world.plan import WorldPlan

SYSTEM_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu, Arch, Alpine; Go looks here first
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Fedora, RHEL
    Path("/etc/ssl/ca-bundle.pem"),  # openSUSE
    Path("/etc/ssl/cert.pem"),  # Alpine
)
_ANSWERING_DAEMONS = (
    Path("/run/nscd/socket"),
    Path("/run/systemd/resolve/io.systemd.Resolve"),
)


def hosts_text(names: Mapping[str, str]) -> str:
    """Return an /etc/hosts with the lab's names."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{address} {name}" for name, address in sorted(names.items())]
    return "\n".join(lines) + "\n"


def write_files(plan: WorldPlan) -> None:
    """Write what will be mounted over the system's files."""
    plan.files.mkdir(parents=True, exist_ok=True)
    (plan.files / "hosts").write_text(hosts_text(plan.hosts))
    # Nothing listens there: a lookup of an unknown name is refused at once, it does not time out.
    (plan.files / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    (plan.files / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")


def mounts(plan: WorldPlan) -> Iterator[tuple[Path, Path]]:
    """Yield (our file, the system's file it covers) for every one that exists."""
    covered: set[Path] = set()
    candidates = [
        (plan.files / "hosts", Path("/etc/hosts")),
        (plan.files / "resolv.conf", Path("/etc/resolv.conf")),
        (plan.files / "nsswitch.conf", Path("/etc/nsswitch.conf")),
        *((plan.bundle, bundle) for bundle in SYSTEM_BUNDLES),
        *((Path("/dev/null"), daemon) for daemon in _ANSWERING_DAEMONS),
        *plan.covers,
    ]
    for source, target in candidates:
        real = target.resolve()
        if real.exists() and real not in covered:
            covered.add(real)
            yield source, real


def cover(plan: WorldPlan) -> None:
    """Mount them in the mount namespace we are in."""
    for source, target in mounts(plan):
        run(["mount", "--bind", str(source), str(target)])
