"""Small worlds for tests, and an owner of one as a process that a test can kill.

`python -m tests.lab.world_driver STATE hold` starts a world, prints one line, and holds it until
its standard input closes; `live` lets it live and ends.
"""

import sys
from pathlib import Path

from lab.world import HttpProbe, Service, World, WorldPlan
from lab.world.certificates import paths

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "127.0.9.1"
NAME = "vendor.example"
LAN = ("10.0.255.254/16", "fd47:25e1:2f96:51::fe/64")


def web(state: Path, *wishes: str) -> Service:
    """Return the tiny HTTPS service under a vendor's name."""
    pair = paths(state / "certificates", "web")
    return Service(
        name="web",
        argv=(
            *(sys.executable, "-m", "tests.lab.world_service", f"{ADDRESS}:443"),
            *(str(pair.certificate), str(pair.key), *wishes),
        ),
        probe=HttpProbe(url=f"https://{NAME}/"),
        names=(NAME,),
        address=ADDRESS,
        deadline=30,
    )


def small(state: Path, *services: Service, stack: str = "small") -> WorldPlan:
    """Return a world of the given services, or of the tiny one."""
    return WorldPlan(
        stack=stack,
        state=state,
        cwd=ROOT,
        addresses=LAN,
        services=services or (web(state),),
        environment={
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "SSL_CERT_FILE": str(state / "certificates" / "bundle.crt"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        deadline=60,
    )


def main(state: Path, mode: str) -> None:
    """Own a world."""
    world = World(small(state))
    running = world.start()
    print(running.lab, running.init, flush=True)
    if mode == "live":
        world.let_live()
    else:
        sys.stdin.read()
        world.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
