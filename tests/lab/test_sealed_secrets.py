"""Secrets sealed by the real kubeseal before there is a cluster, opened in it by the controller.

In file order: one cluster of one machine, the tree's chart and values, the identity's key pair. The
controller that runs is the lab's, whatever image the chart names.
"""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.charts.descriptions import DESCRIPTIONS, charts, describe
from lab.programs import programs, write_programs
from lab.tools import bin_directory, ensure
from ops.keys import new_identity
from tests.lab.talos_fixtures import PROGRAMS, House, house, one_machine
from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "gitops" / "infrastructure" / "sealed-secrets" / "release.yaml"
BOX, MAC = "10.0.1.1", "BC:24:11:00:01:01"
KEYS = "sealedsecrets.bitnami.com/sealed-secrets-key"
NAMES = (*PROGRAMS, "sealed-secrets-controller", "sealed-secrets-crds")
WORD = "known before the cluster"


def _secret(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": WORD}}


def _sealed(certificate: Path, name: str) -> str:
    """Seal as a person does, with nothing but the public certificate."""
    command = [str(tool("kubeseal")), "--cert", str(certificate), "--format", "json"]
    text = json.dumps(_secret(name))
    return subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=60, check=True
    ).stdout


def _namespace_and_key(certificate: str, key: str) -> str:
    """What the program seeds before anything of Flux runs."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "sealed-secrets"}}
    seed = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": "sealed-secrets-key",
            "namespace": "sealed-secrets",
            "labels": {KEYS: "active"},
        },
        "stringData": {"tls.crt": certificate, "tls.key": key},
    }
    return yaml.safe_dump_all([namespace, seed])


def _rendered(folder: Path, shelf: Path) -> str:
    """The tree's release of the chart, as Helm makes it."""
    (chart,) = charts(describe(DESCRIPTIONS / "sealed-secrets.yaml"), shelf / "crds")
    (folder / chart.file).write_bytes(chart.archive)
    values = yaml.safe_load(RELEASE.read_text())["spec"]["values"]
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    place = ("--namespace", "sealed-secrets", "--include-crds", "--values", "values.yaml")
    command = [str(tool("helm")), "template", "sealed-secrets", chart.file, *place]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=True
    ).stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("sealed")
    public, private = new_identity("sealed", with_age=False)
    (folder / "public.crt").write_text(public.sealed_secrets_certificate)
    (folder / "first.json").write_text(_sealed(folder / "public.crt", "first"))
    (key,) = (text for name, text in private.items() if "sealedSecretsKey" in name)
    (folder / "seed.yaml").write_text(_namespace_and_key(public.sealed_secrets_certificate, key))
    shelf = bin_directory(ensure(NAMES), folder)
    (folder / "chart.yaml").write_text(_rendered(folder, shelf))
    write_programs(folder / "programs.json", programs(ROOT, shelf))
    options = ("--factory", "", "--programs", str(folder / "programs.json"))
    with house(folder, options) as made:
        one_machine(made, BOX, MAC)
        yield made


def _install(home: House) -> None:
    home.kubectl("apply", "-f", "seed.yaml")
    home.kubectl("apply", "--server-side", "--namespace", "sealed-secrets", "-f", "chart.yaml")


def _opened(home: House, name: str) -> str:
    """What is in a Secret; nothing while there is none."""
    for found in home.objects("secret", name, "-n", "default"):
        return base64.b64decode(found["data"]["a"]).decode()
    return ""


def _keys(home: House) -> list[str]:
    found = home.objects("secrets", "-n", "sealed-secrets", "-l", KEYS)
    return [item["metadata"]["name"] for item in found]


def test_what_was_sealed_before_the_cluster_is_opened_in_it(home: House) -> None:
    _install(home)
    wait_until(lambda: bool(home.objects("crd", "sealedsecrets.bitnami.com")), "the definition")
    wait_until(
        lambda: home.kubectl("apply", "-f", "first.json", check=False).returncode == 0,
        "sealed secrets to be known",
    )
    wait_until(lambda: _opened(home, "first") == WORD, "the secret", 120)


def test_there_is_exactly_the_identitys_key_and_no_other_is_made(home: House) -> None:
    assert _keys(home) == ["sealed-secrets-key"]
    (workload,) = home.objects("deployment", "sealed-secrets-controller", "-n", "sealed-secrets")
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert "--key-renew-period=0" in container["args"]


def test_another_clusters_controller_opens_it_with_the_same_identity(home: House) -> None:
    home.kubectl("delete", "sealedsecret", "first", "-n", "default", timeout=120)
    home.kubectl("delete", "namespace", "sealed-secrets", timeout=120)
    wait_until(lambda: not _opened(home, "first"), "the secret to go with its seal", 60)
    _install(home)
    home.kubectl("apply", "-f", "first.json")
    wait_until(lambda: _opened(home, "first") == WORD, "the secret once more", 120)
    assert _keys(home) == ["sealed-secrets-key"]


def test_a_secret_sealed_for_another_name_stays_shut_and_says_so(home: House) -> None:
    document = json.loads((home.folder / "first.json").read_text())
    document["metadata"]["name"] = document["spec"]["template"]["metadata"]["name"] = "stolen"
    (home.folder / "stolen.json").write_text(json.dumps(document))
    home.kubectl("apply", "-f", "stolen.json")

    def refused() -> bool:
        (found,) = home.objects("sealedsecret", "stolen", "-n", "default")
        conditions = found.get("status", {}).get("conditions", [])
        return any("no key could decrypt secret" in item.get("message", "") for item in conditions)

    wait_until(refused, "the controller's refusal", 60)
    assert not _opened(home, "stolen")
