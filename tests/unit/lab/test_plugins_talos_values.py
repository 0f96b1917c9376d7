"""The pure parts of the stand-in for talos: versions, durations, certificates, names, patches."""

import base64
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from lab.plugins.talos import bundle, configuration, documents, platforms, schema, values
from lab.plugins.talos.ctl import CtlError, Private
from lab.plugins.talos.factory import Factory
from provider.rpc import InvalidArguments, Properties, Refused, plain
from provider.rpc.wire import has_secret

pytestmark = pytest.mark.unit

BUNDLE = {
    "cluster": {"id": "id", "secret": "s1"},
    "secrets": {"bootstraptoken": "s2", "secretboxencryptionsecret": "s3"},
    "trustdinfo": {"token": "s4"},
    "certs": {
        "etcd": {"crt": "c1", "key": "k1"},
        "k8s": {"crt": "c2", "key": "k2"},
        "k8saggregator": {"crt": "c3", "key": "k3"},
        "k8sserviceaccount": {"key": "k4"},
        "os": {"crt": "c5", "key": "k5"},
    },
}


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("v1.9", "v1.10"),
        ("1.12", "v1.12.1"),
        ("v1.13.0-alpha.1", "v1.13.0-beta.0"),
        ("v1.13.0-alpha.2", "v1.13.0-alpha.10"),
        ("v1.13.0-rc.1", "v1.13"),
    ],
)
def test_versions_are_ordered_as_semantic_versioning_says(lower: str, higher: str) -> None:
    assert values.precedence(lower) < values.precedence(higher)


def test_a_short_version_is_its_first_patch() -> None:
    assert values.precedence("v1.13") == values.precedence("1.13.0")


def test_no_version_at_all_is_refused() -> None:
    with pytest.raises(Refused, match='error parsing version "9x"'):
        values.precedence("9x")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("1h30m", 5400), ("2.5s", 2.5), ("300ms", 0.3), ("0", 0), ("-5s", -5)],
)
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    assert values.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "10 m", "m", "1d", "5mm5"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="invalid duration"):
        values.seconds(text)


@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1)))  # noqa: DTZ001
def test_a_certificates_end_is_found(end: dt.datetime) -> None:
    end = end.replace(tzinfo=dt.UTC, microsecond=0)
    key = ec.derive_private_key(5, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "os:admin")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(1980, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    assert values.certificate_end(base64.b64encode(pem).decode()) == end


def test_a_bundle_survives_the_way_to_the_providers_spelling_and_back() -> None:
    properties = bundle.to_properties(BUNDLE)
    assert bundle.from_properties(plain(properties)) == BUNDLE


def test_every_sensitive_leaf_of_a_bundle_is_secret_and_no_certificate_is() -> None:
    properties = bundle.to_properties(BUNDLE)
    assert has_secret(properties)
    shown = repr(properties)
    for number in range(1, 5):
        assert f"'s{number}'" not in shown
        assert f"'k{number}'" not in shown
    assert "'c1'" in shown


def test_a_snake_case_dict_is_missing_the_attributes_that_it_misspells() -> None:
    secrets: Properties = plain(bundle.to_properties(BUNDLE))
    secrets["secrets"] = {"bootstrap_token": "x", "secretbox_encryption_secret": "y"}
    with pytest.raises(Refused) as caught:
        schema.require({"machineSecrets": secrets}, {"machineSecrets": schema.MACHINE_SECRETS})
    assert str(caught.value).startswith(
        "[machineSecrets.secrets.bootstrapToken] Missing Configuration for Required Attribute: "
        "Must set a configuration value for the machineSecrets.secrets.bootstrap_token attribute"
    )


def test_a_missing_argument_of_the_top_level_is_a_failure_of_that_property() -> None:
    with pytest.raises(InvalidArguments) as caught:
        schema.require({"node": "a"}, {"node": {}, "clientConfiguration": schema.CLIENT})
    assert [failure.property for failure in caught.value.failures] == ["clientConfiguration"]


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("http://10.0.3.1:6443", r'should have scheme https://\ntry: "https://10.0.3.1:6443"'),
        ("10.0.3.1:6443", r'no scheme specified .*\ntry: "https://10.0.3.1:6443"'),
        ("10.0.3.1", r'no scheme and port specified .*\ntry: "https://10.0.3.1:6443"'),
    ],
)
def test_an_endpoint_that_is_no_https_url_is_refused_with_what_it_should_be(
    endpoint: str, message: str
) -> None:
    with pytest.raises(Refused, match=message):
        configuration.check_endpoint(endpoint)


def test_a_client_configuration_names_its_endpoints_and_nodes() -> None:
    made = configuration.client(
        {
            "clusterName": "lab",
            "clientConfiguration": {
                "caCertificate": "ca",
                "clientCertificate": "crt",
                "clientKey": "key",
            },
            "endpoints": ["10.0.1.1"],
            "nodes": ["10.0.1.1", "10.0.1.2"],
        }
    )
    context = documents.load(made["talosConfig"])["contexts"]["lab"]
    assert context["endpoints"] == ["10.0.1.1"]
    assert context["nodes"] == ["10.0.1.1", "10.0.1.2"]
    assert (context["ca"], context["crt"], context["key"]) == ("ca", "crt", "key")
    assert made["id"] == "lab"


def test_urls_are_put_together_as_the_factory_names_its_files() -> None:
    factory = Factory()
    factory.use("https://factory.lab/")
    arguments = {"schematicId": "abc", "talosVersion": "1.13.0", "platform": "nocloud"}
    urls = factory.urls(arguments)["urls"]
    assert urls["installer"] == "factory.lab/nocloud-installer/abc:v1.13.0"
    assert urls["diskImage"] == "https://factory.lab/image/abc/v1.13.0/nocloud-amd64.raw.xz"
    assert urls["pxe"] == "https://pxe.factory.lab/pxe/abc/v1.13.0/nocloud-amd64"
    assert urls["kernel"] == ""
    with pytest.raises(InvalidArguments, match="Exactly one of platform, sbc"):
        factory.urls({**arguments, "sbc": "rpi_generic"})


def test_metal_has_every_asset() -> None:
    assert platforms.files("metal", "arm64") == {
        "diskImage": "metal-arm64.raw.zst",
        "diskImageSecureboot": "metal-arm64-secureboot.raw.zst",
        "iso": "metal-arm64.iso",
        "isoSecureboot": "metal-arm64-secureboot.iso",
        "kernel": "kernel-arm64",
        "kernelCommandLine": "cmdline-metal-arm64",
        "initramfs": "initramfs-arm64.xz",
        "uki": "metal-arm64-secureboot-uki.efi",
    }


def test_a_stream_of_json_is_read_value_by_value() -> None:
    assert documents.stream(b'{"a": 1}\n{\n "a": 2}\n') == [{"a": 1}, {"a": 2}]
    assert documents.stream(b"") == []


def test_the_code_of_a_machines_refusal_is_found_in_what_talosctl_says() -> None:
    error = CtlError("rpc error: code = InvalidArgument desc = unknown keys")
    assert error.code == "InvalidArgument"
    assert CtlError("unknown flag").code == ""


def test_a_private_argument_never_shows_its_content() -> None:
    assert "canary" not in repr(Private(b"canary"))
