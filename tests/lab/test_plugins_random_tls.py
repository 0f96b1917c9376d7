"""The stand-ins for random and tls under the real engine: a whole life, and what stays secret."""

from pathlib import Path

import pytest
from cryptography import x509

from tests.lab.plugin_project import Project

pytestmark = pytest.mark.lab

PROGRAM = """
import pulumi, pulumi_random as random, pulumi_tls as tls
password = random.RandomPassword("password", length=24, min_numeric=3, override_special="_-")
token = random.RandomId("token", byte_length=4, prefix="x-")
name = random.RandomPet("name", keepers={"epoch": pulumi.Config().get("epoch") or "1"})
random.RandomString("string", length=8, special=False)
random.RandomUuid("uuid")
random.RandomBytes("bytes", length=16)

ca_key = tls.PrivateKey("ca-key", algorithm="ECDSA", ecdsa_curve="P256")
ca = tls.SelfSignedCert("ca", private_key_pem=ca_key.private_key_pem, is_ca_certificate=True,
    subject={"common_name": "lab ca"}, validity_period_hours=24,
    allowed_uses=["cert_signing", "crl_signing"])
key = tls.PrivateKey("key", algorithm="ED25519")
request = tls.CertRequest("request", private_key_pem=key.private_key_pem,
    dns_names=["api.lab"], subject={"common_name": "api"})
cert = tls.LocallySignedCert("cert", cert_request_pem=request.cert_request_pem,
    ca_private_key_pem=ca_key.private_key_pem, ca_cert_pem=ca.cert_pem,
    validity_period_hours=12, allowed_uses=["server_auth", "digital_signature"])
pulumi.export("password", password.result)
pulumi.export("hash", password.bcrypt_hash)
pulumi.export("token", token.hex)
pulumi.export("name", name.id)
pulumi.export("ca", ca.cert_pem)
pulumi.export("cert", cert.cert_pem)
pulumi.export("ssh", key.public_key_openssh)
pulumi.export("private", key.private_key_openssh)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("random-tls"))
    project.write(PROGRAM)
    return project


def test_a_preview_promises_and_draws_nothing(project: Project) -> None:
    text = project.run("preview").ok().text
    assert "+ 12 to create" in text
    assert "[unknown]" in text
    assert project.resources() == {}


def test_up_draws_once_and_a_second_up_changes_nothing(project: Project) -> None:
    assert "+ 12 created" in project.up().ok().text
    before = project.outputs()
    assert "12 unchanged" in project.up().ok().text
    assert "12 unchanged" in project.run("refresh", "--yes", "--skip-preview").ok().text
    assert project.outputs() == before
    assert len(before["password"]) == 24
    assert sum(character.isdigit() for character in before["password"]) >= 3
    assert before["token"].startswith("x-")
    assert before["ssh"].startswith("ssh-ed25519 ")


def test_secrets_are_encrypted_in_state_and_absent_from_the_screen(project: Project) -> None:
    outputs = project.outputs()
    shown = project.run("stack", "output").ok().text
    state = project.state_text()
    for name in ("password", "hash", "private"):
        line = outputs[name].splitlines()[min(1, outputs[name].count("\n"))]
        assert line not in state, name
        assert line not in shown, name
    assert outputs["token"] in state


def test_the_certificate_verifies_against_its_authority(project: Project) -> None:
    outputs = project.outputs()
    ca = x509.load_pem_x509_certificate(outputs["ca"].encode())
    leaf = x509.load_pem_x509_certificate(outputs["cert"].encode())
    leaf.verify_directly_issued_by(ca)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["api.lab"]


def test_a_changed_keeper_replaces_what_it_keeps_and_nothing_else(project: Project) -> None:
    before = project.outputs()
    project.run("config", "set", "epoch", "2").ok()
    text = project.up().ok().text
    assert "+-1 replaced" in text
    after = project.outputs()
    assert after["password"] == before["password"]
    assert project.resources()["name"]["outputs"]["keepers"] == {"epoch": "2"}


@pytest.mark.parametrize(
    ("resource", "shown"),
    [
        ("random.RandomPassword('a', length=3, min_lower=4)", "must be at least 4, got: 3"),
        (
            "tls.PrivateKey('a', algorithm='DSA')",
            'must be one of: ["ECDSA", "ED25519", "RSA"], got: "DSA"',
        ),
        (
            "tls.CertRequest('a', private_key_pem='no key')",
            "Failed to parse private key PEM: it holds no private key",
        ),
    ],
)
def test_inputs_that_cannot_be_met_are_refused_by_name(
    tmp_path: Path, resource: str, shown: str
) -> None:
    project = Project(tmp_path)
    project.write(f"import pulumi_random as random, pulumi_tls as tls\n{resource}\n")
    ended = project.up()
    assert ended.status != 0
    assert shown in ended.text


def test_destroy_forgets_everything(project: Project) -> None:
    project.run("destroy", "--yes", "--skip-preview").ok()
    assert project.resources() == {}
