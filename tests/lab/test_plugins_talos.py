"""The stand-in for talos under the real engine, with the real talosctl and no machine at all."""

import os
import subprocess
from pathlib import Path

import pytest

from lab.plugins.talos import documents
from tests.lab.plugin_project import PLUGINS, Project
from tests.lab.tools_bin import tool

pytestmark = pytest.mark.lab

SECRETS = """
import json, pulumi, pulumiverse_talos as talos
config = pulumi.Config()
secrets = talos.machine.Secrets("secrets", talos_version=config.get("contract") or "v1.13")
def camel(ms):
    pair = lambda p: {"cert": p.cert, "key": p.key}
    return {
        "certs": {"etcd": pair(ms.certs.etcd), "k8s": pair(ms.certs.k8s), "os": pair(ms.certs.os),
                  "k8sAggregator": pair(ms.certs.k8s_aggregator),
                  "k8sServiceaccount": {"key": ms.certs.k8s_serviceaccount.key}},
        "cluster": {"id": ms.cluster.id, "secret": ms.cluster.secret},
        "secrets": {"bootstrapToken": ms.secrets.bootstrap_token,
                    "secretboxEncryptionSecret": ms.secrets.secretbox_encryption_secret},
        "trustdinfo": {"token": ms.trustdinfo.token}}
def machine(kind, patches=()):
    return talos.machine.get_configuration_output(
        cluster_name="lab", machine_type=kind, cluster_endpoint="https://10.0.3.1:6443",
        machine_secrets=secrets.machine_secrets.apply(camel), talos_version="v1.13",
        kubernetes_version="v1.36.3", config_patches=list(patches)).machine_configuration
"""
WHOLE = (
    SECRETS
    + """
patch = json.dumps({"cluster": {"network": {"cni": {"name": "none"}}}})
pulumi.export("controlplane", machine("controlplane", [patch]))
pulumi.export("worker", machine("worker"))
pulumi.export("client", secrets.client_configuration.client_certificate)
pulumi.export("token", secrets.machine_secrets.secrets.bootstrap_token)
pulumi.export("key", secrets.machine_secrets.certs.os.key)
"""
)
APPLY = (
    SECRETS
    + """
talos.machine.ConfigurationApply("apply", node="127.0.0.1",
    client_configuration=secrets.client_configuration,
    machine_configuration_input=machine("worker"),
    config_patches=[config.get("patch") or json.dumps({"machine": {"sysctls": {"a.b": "canary"}}})],
    apply_mode=config.get("mode"), timeouts={"create": "1s"})
"""
)


def project_in(folder: Path) -> Project:
    """A project that finds talosctl, with a talosconfig about that must not be used."""
    stray = folder / "stray-talosconfig"
    folder.mkdir(parents=True, exist_ok=True)
    stray.write_text("not a talosconfig")
    path = f"{PLUGINS}:{tool('pulumi').parent}:{tool('talosctl').parent}:{os.environ['PATH']}"
    return Project(folder, {"TALOSCONFIG": str(stray), "PATH": path})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = project_in(tmp_path_factory.mktemp("talos"))
    project.write(WHOLE)
    return project


def test_a_preview_makes_no_secrets_and_asks_for_no_configuration(project: Project) -> None:
    text = project.run("preview").ok().text
    assert "+ 2 to create" in text
    assert project.resources() == {}


def test_up_makes_them_and_a_second_up_and_a_refresh_change_nothing(project: Project) -> None:
    project.up().ok()
    before = project.outputs()
    assert "2 unchanged" in project.up().ok().text
    assert "2 unchanged" in project.run("refresh", "--yes", "--skip-preview").ok().text
    assert project.outputs() == before


def test_configurations_are_talos_own_with_patches_and_versions_in_them(project: Project) -> None:
    outputs = project.outputs()
    first = documents.load(outputs["controlplane"].partition("\n---\n")[0])
    assert first["cluster"]["network"]["cni"]["name"] == "none"
    assert first["cluster"]["apiServer"]["image"] == "registry.k8s.io/kube-apiserver:v1.36.3"
    assert first["machine"]["install"]["disk"] == "/dev/sda"
    assert first["cluster"]["token"] == outputs["token"]
    worker = documents.load(outputs["worker"].partition("\n---\n")[0])
    assert worker["machine"]["type"] == "worker"
    assert worker["machine"]["ca"]["key"] == ""


def test_no_secret_is_in_state_or_on_the_screen(project: Project) -> None:
    outputs, state = project.outputs(), project.state_text()
    shown = project.run("stack", "output").ok().text
    for name in ("token", "key", "controlplane", "worker"):
        assert outputs[name][:2000] not in state + shown, name
    assert outputs["client"] not in shown
    assert project.resources()["secrets"]["id"] == "machine_secrets"


def test_only_a_lower_contract_replaces_secrets(project: Project) -> None:
    token = project.outputs()["token"]
    project.run("config", "set", "contract", "v1.13.1").ok()
    assert "~ 1 updated" in project.up().ok().text
    assert project.outputs()["token"] == token
    project.run("config", "set", "contract", "v1.12").ok()
    assert "+-1 to replace" in project.run("preview").ok().text
    project.run("config", "rm", "contract").ok()
    assert "+-1 to replace" in project.run("preview").ok().text


def test_destroy_forgets_them(project: Project) -> None:
    project.run("destroy", "--yes", "--skip-preview").ok()
    assert project.resources() == {}


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        (
            SECRETS + "talos.machine.get_configuration_output(cluster_name='lab', "
            "machine_type='worker', cluster_endpoint='https://10.0.3.1:6443', "
            "machine_secrets=secrets.machine_secrets)",
            'property "machineSecrets.certs.k8sAggregator": Must set a configuration value',
        ),
        (
            SECRETS + "machine('worker', ['machine: {bogus: 1}'])",
            "config_patches are invalid: error decoding document",
        ),
        (
            SECRETS + "machine('worker', [json.dumps([{'op': 'add', 'path': '/machine/x', "
            "'value': 1}])])",
            "JSON6902 patches are not supported for multi-document machine configuration",
        ),
        (
            "import pulumiverse_talos as talos\ntalos.machine.Secrets('s', talos_version='9x')",
            'Invalid version: error parsing version "9x"',
        ),
    ],
)
def test_what_the_real_plugin_refuses_is_refused_in_its_words(
    tmp_path: Path, program: str, shown: str
) -> None:
    project = project_in(tmp_path)
    project.write(program)
    ended = project.up()
    assert ended.status != 0
    assert shown in ended.text


def test_an_unreachable_machine_is_tried_until_the_time_is_up(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    project.write(APPLY)
    ended = project.up()
    assert ended.status != 0
    assert "error: Error applying configuration: rpc error: code = Unavailable" in ended.text
    assert "canary" not in ended.text
    project.run("config", "set", "mode", "staged_if_needing_reboot").ok()
    text = project.run("preview").ok().text
    assert "Using 'auto' mode (may reboot).: Cannot check reboot requirement" in text
    project.run("config", "set", "patch", "machine: {bogus: 1}").ok()
    assert "Error loading config patches: error decoding document" in project.run("preview").text
    project.run("config", "set", "mode", "banana").ok()
    assert 'Attribute apply_mode value must be one of: ["auto"' in project.run("preview").text


def test_secrets_can_be_imported_from_a_file(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    secrets = tmp_path / "secrets.yaml"
    generate = [str(tool("talosctl")), "gen", "secrets", "--output-file", str(secrets)]
    subprocess.run(generate, check=True, capture_output=True, timeout=60)
    token = documents.load(secrets.read_bytes())["secrets"]["bootstraptoken"]
    command = ["import", "talos:machine/secrets:Secrets", "kept", str(secrets)]
    ended = project.run(*command, "--yes", "--skip-preview", "--generate-code=false").ok()
    imported = project.resources()["kept"]
    assert imported["id"] == "machine_secrets"
    assert token not in ended.text + project.state_text()
