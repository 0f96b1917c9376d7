"""A real program as a pod on a simulated machine, in file order: one cluster of one machine.

Its program is a small HTTP server of ours, found by its pod's image; a pod beside it has none.
"""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from lab.programs import Program, write_programs
from tests.lab.talos_fixtures import House, house, one_machine
from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]  # the first makes the cluster

BOX, MAC = "10.0.1.1", "BC:24:11:00:01:01"
IMAGE = "ghcr.io/example/server"
PORT = 8088
SERVER = Path(__file__).with_name("pod_program.py")
WORKLOAD = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: home}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: server, namespace: home}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: reads, namespace: home}}
rules: [{{apiGroups: [""], resources: [configmaps], verbs: [get, list]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: reads, namespace: home}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: reads}}
subjects: [{{kind: ServiceAccount, name: server}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: server, namespace: home}}
spec:
  selector: {{matchLabels: {{app: server}}}}
  template:
    metadata: {{labels: {{app: server}}}}
    spec:
      serviceAccountName: server
      terminationGracePeriodSeconds: 5
      containers: [{{name: server, image: "{IMAGE}:v1.2.3"}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: played, namespace: home}}
spec:
  selector: {{matchLabels: {{app: played}}}}
  template:
    metadata: {{labels: {{app: played}}}}
    spec:
      containers: [{{name: played, image: "{IMAGE}-of-another-kind:v1"}}]
"""
JOB = f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: fails, namespace: home}}
spec:
  backoffLimit: 0
  template:
    spec: {{restartPolicy: Never, containers: [{{name: job, image: "{IMAGE}-job:v1"}}]}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("pods")
    server = Program(
        image=IMAGE,
        path=sys.executable,
        args=(str(SERVER), f"{{address}}:{PORT}", str(tool("kubectl")), "{namespace}"),
        environment={"KUBECONFIG": "{kubeconfig}"},
        ready=f"http://{{address}}:{PORT}/readyz",
    )
    job = Program(image=f"{IMAGE}-job", path="/bin/sh", args=("-c", "exit 4"))
    write_programs(folder / "programs.json", [server, job])
    options = ("--factory", "", "--programs", str(folder / "programs.json"))
    with house(folder, options) as made:
        one_machine(made, BOX, MAC)
        yield made


def ok(home: House, *args: str) -> bool:
    return home.talosctl(*args, check=False).returncode == 0


def apply(home: House, text: str) -> None:
    (home.folder / "workload.yaml").write_text(text, encoding="utf-8")
    home.kubectl("apply", "-f", "workload.yaml", timeout=150)


def pods(home: House, app: str = "server") -> list[dict[str, Any]]:
    return home.objects("pods", "-n", "home", "-l", f"app={app}")


def container(home: House) -> dict[str, Any]:
    """Return the status of the server's container, nothing while it has none."""
    for pod in pods(home):
        for status in pod["status"].get("containerStatuses", []):
            return cast("dict[str, Any]", status)
    return {}


def ready(home: House, app: str = "server") -> bool:
    found = [
        condition["status"] == "True"
        for pod in pods(home, app)
        for condition in pod["status"].get("conditions", [])
        if condition["type"] == "Ready"
    ]
    return bool(found) and all(found)


def processes(home: House) -> dict[str, int]:
    """Return the programs of pods that run on the machine."""
    read = home.machine("box")["processes"]
    return {name: pid for name, pid in read.items() if name.startswith("home/")}


def ask(home: House, path: str) -> str:
    return home.run("curl", "-sS", "-m", "60", f"http://{BOX}:{PORT}{path}", check=False).stdout


def scratch(home: House) -> Path:
    """Return the folder that the server sees as its home."""
    uid: str = pods(home)[0]["metadata"]["uid"]
    return home.folder / "state" / "machines" / "box" / "kubelet" / "pods" / uid / "scratch"


def test_a_pods_program_starts_with_its_pod_and_is_ready_only_when_it_answers(home: House) -> None:
    apply(home, WORKLOAD)
    wait_until(lambda: len(processes(home)) == 1, "the program", 90)
    wait_until(lambda: ask(home, "/readyz") == "false", "its answer")
    wait_until(lambda: "running" in container(home).get("state", {}), "its report")
    assert not ready(home)
    (scratch(home) / "well").touch()
    wait_until(lambda: ready(home), "the pod to be ready")
    status = pods(home)[0]["status"]
    assert (status["phase"], status["podIP"], status["hostIP"]) == ("Running", BOX, BOX)


def test_a_pod_of_a_similar_image_is_played_as_ever(home: House) -> None:
    wait_until(lambda: ready(home, "played"), "the played pod", 60)
    assert all(name.startswith("home/server-") for name in processes(home))


def test_the_program_has_the_rights_of_its_own_service_account_and_no_others(home: House) -> None:
    said = json.loads(ask(home, "/"))
    who = json.loads(said["whoami"])["status"]["userInfo"]
    assert who["username"] == "system:serviceaccount:home:server"
    pod = pods(home)[0]["metadata"]["name"]
    assert who["extra"]["authentication.kubernetes.io/pod-name"] == [pod]
    assert "orbidden" not in said["refusals"]["home"]
    assert 'cannot list resource "configmaps"' in said["refusals"]["kube-system"]


def test_a_program_that_crashes_is_restarted_and_counted(home: House) -> None:
    before = processes(home)
    ask(home, "/crash")
    wait_until(lambda: container(home).get("restartCount") == 1, "the restart")
    assert container(home)["lastState"]["terminated"]["exitCode"] == 7
    wait_until(lambda: ready(home), "the pod to be ready again")
    assert processes(home).keys() == before.keys()
    assert processes(home) != before


def test_a_pulled_cable_leaves_the_program_running_without_a_network(home: House) -> None:
    before = processes(home)
    home.order("box", "cable", {"to": "down"})
    assert ask(home, "/readyz") == ""
    assert processes(home) == before
    home.order("box", "cable", {"to": "up"})
    wait_until(lambda: ask(home, "/readyz") == "true", "the network")


def test_power_takes_the_program_at_once_and_brings_it_back(home: House) -> None:
    pids = processes(home).values()
    living = [f"/proc/{pid}" for pid in pids]
    home.order("box", "power", {"to": "off"})
    assert home.run("ls", "-d", *living, check=False).stdout == ""
    home.order("box", "power", {"to": "on"})
    wait_until(lambda: container(home).get("restartCount") == 2, "the restart", 90)
    last = container(home)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (255, "Unknown")
    wait_until(lambda: ready(home), "the pod to be ready", 60)
    wait_until(lambda: ready(home, "played"), "the played pod to be ready", 60)


def test_a_job_fails_when_its_program_does(home: House) -> None:
    apply(home, JOB)

    def failed() -> bool:
        jobs = home.objects("job", "fails", "-n", "home")
        return bool(jobs) and jobs[0]["status"].get("failed") == 1

    wait_until(failed, "the job's end", 60)


def test_a_deleted_pods_program_ends_and_its_successor_starts(home: House) -> None:
    old, folder = processes(home), scratch(home)
    home.kubectl("delete", "pod", "-n", "home", *(name.partition("/")[2] for name in old))
    wait_until(lambda: processes(home).keys().isdisjoint(old), "its end")
    wait_until(lambda: not folder.exists(), "its folder to go")
    wait_until(lambda: len(processes(home)) == 1, "the successor")
    home.kubectl("delete", "namespace", "home", timeout=90)
    wait_until(lambda: processes(home) == {}, "the end of all")


def test_no_program_outlives_the_simulator(home: House) -> None:
    apply(home, WORKLOAD)
    wait_until(lambda: len(processes(home)) == 1, "the program", 60)
    home.end(signal.SIGKILL)
    wait_until(lambda: home.processes() == [], "the end of every process", 10)
