"""The lab's authority: who trusts what, who may read what, and what outlives a restart."""

import datetime as dt
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from lab.world.certificates import Authority

pytestmark = pytest.mark.unit


def _verify(trusted: Authority, certificate: Path, subject: x509.DNSName | x509.IPAddress) -> None:
    store = Store([trusted.certificate])
    verifier = PolicyBuilder().store(store).build_server_verifier(subject)
    verifier.verify(x509.load_pem_x509_certificate(certificate.read_bytes()), [])


def test_a_certificate_is_good_for_its_names_and_addresses_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("web", ["a.example", "b.example"], ["127.0.1.1"])
    _verify(authority, pair.certificate, x509.DNSName("b.example"))
    _verify(authority, pair.certificate, x509.IPAddress(ipaddress.ip_address("127.0.1.1")))
    with pytest.raises(VerificationError):
        _verify(authority, pair.certificate, x509.DNSName("c.example"))


def test_a_certificate_of_another_lab_is_not_trusted(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    pair = other.issue("web", ["a.example"], [])
    with pytest.raises(VerificationError):
        _verify(ours, pair.certificate, x509.DNSName("a.example"))


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("web", ["a.example"], [])
    for key in (pair.key, tmp_path / "authority.key"):
        assert key.stat().st_mode & 0o777 == 0o600


def test_the_authority_outlives_a_restart(tmp_path: Path) -> None:
    assert Authority(tmp_path).certificate == Authority(tmp_path).certificate


@pytest.mark.parametrize("damaged", ["authority.key", "authority.crt"])
def test_a_damaged_authority_is_made_anew(tmp_path: Path, damaged: str) -> None:
    before = Authority(tmp_path).certificate
    (tmp_path / damaged).write_text("damaged")
    assert Authority(tmp_path).certificate != before


def test_a_key_that_does_not_fit_its_certificate_is_not_used(tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "other")
    before = Authority(tmp_path / "ours").certificate
    (tmp_path / "ours" / "authority.key").write_bytes(stranger.files.key.read_bytes())
    assert Authority(tmp_path / "ours").certificate != before


def test_a_machine_whose_clock_is_hours_behind_accepts_the_authority(tmp_path: Path) -> None:
    early = dt.datetime.now(dt.UTC) - dt.timedelta(hours=12)
    assert Authority(tmp_path).certificate.not_valid_before_utc < early


def test_the_bundle_holds_the_systems_authorities_and_ours(tmp_path: Path) -> None:
    system = Authority(tmp_path / "system")
    ours = Authority(tmp_path / "ours")
    ours.write_bundle(tmp_path / "bundle", [tmp_path / "absent", system.files.certificate])
    both = x509.load_pem_x509_certificates((tmp_path / "bundle").read_bytes())
    assert both == [system.certificate, ours.certificate]


def test_a_system_without_a_bundle_gets_ours_alone(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    ours.write_bundle(tmp_path / "bundle", [])
    assert x509.load_pem_x509_certificates((tmp_path / "bundle").read_bytes()) == [ours.certificate]
