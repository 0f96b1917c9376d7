"""The resource types of pulumi-tls, as far as they are modelled (see lab/plugins/README.md).

Everything is made in `create`; refresh and delete have nothing to do. A certificate is replaced
once its renewal time has come, as the real provider plans it.
"""

import datetime as dt
import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from lab.plugins.tls.usages import EXTENDED, KEY
from provider.rpc import (
    Diff,
    Failure,
    Kind,
    Properties,
    Resource,
    has_unknown,
    operation,
    plain,
)


class Made(Resource):
    """Something made once. Subclasses say what their outputs are, given plain inputs."""

    replace_on: ClassVar[Sequence[str]] = ("*",)

    @abstractmethod
    def made(self, inputs: Properties) -> tuple[str, Properties]:
        """The id and the computed outputs."""

    def create(
        self, inputs: Properties, preview: bool, _timeout: float, /
    ) -> tuple[str, Properties]:
        """Make it; in a preview say that it will be."""
        if preview:
            return "", self.planned(inputs)
        identity, outputs = self.made(plain(inputs))
        return identity, {**inputs, **outputs}

    def update(
        self,
        _identity: str,
        olds: Properties,
        news: Properties,
        _preview: bool,
        _timeout: float,
        /,
    ) -> Properties:
        """Keep what was made; only settings that nothing depends on can differ."""
        return {**olds, **news}

    def delete(self, _identity: str, _state: Properties, _timeout: float, /) -> None:
        """Forget it."""


class PrivateKey(Made):
    """`tls.PrivateKey`; its id is the SHA-1 of the public key."""

    required = ("algorithm",)
    defaults: ClassVar = {"rsaBits": 2048, "ecdsaCurve": "P224"}
    computed = (
        "privateKeyOpenssh",
        "privateKeyPem",
        "privateKeyPemPkcs8",
        "publicKeyFingerprintMd5",
        "publicKeyFingerprintSha256",
        "publicKeyOpenssh",
        "publicKeyPem",
    )
    secret_outputs = ("privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8")

    def check(self, olds: Properties, news: Properties, /) -> tuple[Properties, list[Failure]]:
        """Refuse algorithms and curves that there are not."""
        inputs, failures = super().check(olds, news)
        for name, allowed in (
            ("algorithm", ("ECDSA", "ED25519", "RSA")),
            ("ecdsaCurve", ("P224", "P256", "P384", "P521")),
        ):
            value = plain(inputs.get(name))
            if isinstance(value, str) and value not in allowed:
                one_of = ", ".join(f'"{item}"' for item in allowed)
                failures.append(Failure(name, f'value must be one of: [{one_of}], got: "{value}"'))
        return inputs, failures

    def made(self, inputs: Properties) -> tuple[str, Properties]:
        """Generate the key."""
        from lab.plugins.tls import keys  # noqa: PLC0415 (cryptography: not on every start)

        key = keys.generate(
            inputs["algorithm"], rsa_bits=inputs["rsaBits"], ecdsa_curve=inputs["ecdsaCurve"]
        )
        return keys.public_digest(key), {**keys.private_forms(key), **keys.public_forms(key)}


class CertRequest(Made):
    """`tls.CertRequest`; its id is the SHA-1 of the request."""

    required = ("privateKeyPem",)
    computed = ("certRequestPem", "keyAlgorithm")
    secret_outputs = ("privateKeyPem",)

    def made(self, inputs: Properties) -> tuple[str, Properties]:
        """Write and sign the request."""
        from lab.plugins.tls import certificates, keys  # noqa: PLC0415

        key = keys.parse(inputs["privateKeyPem"], "private key")
        pem = certificates.request(inputs, key)
        identity = hashlib.sha1(pem.encode(), usedforsecurity=False).hexdigest()
        return identity, {"certRequestPem": pem, "keyAlgorithm": keys.algorithm(key)}


class Certified(Made):
    """What the two kinds of certificate share: defaults, usages, renewal."""

    replace_on = (
        "allowedUses",
        "caCertPem",
        "caPrivateKeyPem",
        "certRequestPem",
        "dnsNames",
        "ipAddresses",
        "isCaCertificate",
        "maxPathLength",
        "privateKeyPem",
        "setAuthorityKeyId",
        "setSubjectKeyId",
        "subject",
        "uris",
        "validityPeriodHours",
    )
    defaults: ClassVar = {
        "earlyRenewalHours": 0,
        "isCaCertificate": False,
        "setSubjectKeyId": False,
    }

    def check(self, olds: Properties, news: Properties, /) -> tuple[Properties, list[Failure]]:
        """Refuse usages that there are not."""
        inputs, failures = super().check(olds, news)
        uses = plain(inputs.get("allowedUses"))
        for index, use in enumerate(uses if isinstance(uses, list) else []):
            if isinstance(use, str) and use not in {*KEY, *EXTENDED}:
                known = ", ".join(f'"{item}"' for item in sorted({*KEY, *EXTENDED}))
                failures.append(
                    Failure(f"allowedUses[{index}]", f"value must be one of: [{known}]")
                )
        return inputs, failures

    def diff(
        self,
        identity: str,
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
        /,
    ) -> Diff:
        """Compare, and replace what is due for renewal."""
        diff = super().diff(identity, olds, old_inputs, news, ignore)
        if diff.replaces or not _is_due(plain(olds), plain(news)):
            return diff
        due = "readyForRenewal"
        return Diff(replaces=(due,), detailed={**diff.detailed, due: Kind.UPDATE})

    def read(
        self, identity: str, state: Properties, inputs: Properties, /
    ) -> tuple[str | None, Properties, Properties]:
        """Say whether it is due for renewal."""
        due = _is_due(plain(state), plain(state))
        return identity, {**state, "readyForRenewal": due}, inputs


class SelfSignedCert(Certified):
    """`tls.SelfSignedCert`; its id is the serial number."""

    required = ("allowedUses", "privateKeyPem", "validityPeriodHours")
    defaults: ClassVar = {**Certified.defaults, "setAuthorityKeyId": False}
    computed = (
        "certPem",
        "keyAlgorithm",
        "readyForRenewal",
        "validityEndTime",
        "validityStartTime",
    )
    secret_outputs = ("privateKeyPem",)

    def made(self, inputs: Properties) -> tuple[str, Properties]:
        """Issue the certificate to itself."""
        from lab.plugins.tls import certificates, keys  # noqa: PLC0415

        key = keys.parse(inputs["privateKeyPem"], "private key")
        wanted = certificates.subject(inputs, key)
        issued = certificates.issue(inputs, wanted, signer=key, authority=None, now=_now)
        return issued.serial, {**issued.outputs(), "keyAlgorithm": keys.algorithm(key)}


class LocallySignedCert(Certified):
    """`tls.LocallySignedCert`; its id is the serial number."""

    required = (
        "allowedUses",
        "caCertPem",
        "caPrivateKeyPem",
        "certRequestPem",
        "validityPeriodHours",
    )
    computed = (
        "caKeyAlgorithm",
        "certPem",
        "readyForRenewal",
        "validityEndTime",
        "validityStartTime",
    )
    secret_outputs = ("caPrivateKeyPem",)

    def made(self, inputs: Properties) -> tuple[str, Properties]:
        """Issue the certificate that the request asks for, signed by the CA."""
        from lab.plugins.tls import certificates, keys  # noqa: PLC0415

        wanted = certificates.subject_of_request(inputs["certRequestPem"])
        signer = keys.parse(inputs["caPrivateKeyPem"], "CA private key")
        authority = certificates.parse(inputs["caCertPem"])
        if not certificates.is_authority(authority):
            operation.current().warn(
                "Potentially Invalid Certificate Authority: Certificate provided as Authority "
                "does not appear to be a valid Certificate Authority. The resulting certificate "
                "might fail certificate validation."
            )
        issued = certificates.issue(inputs, wanted, signer=signer, authority=authority, now=_now)
        return issued.serial, {**issued.outputs(), "caKeyAlgorithm": keys.algorithm(signer)}


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _is_due(state: Properties, settings: Properties) -> bool:
    end, early = state.get("validityEndTime"), settings.get("earlyRenewalHours")
    if not isinstance(end, str) or has_unknown(early):
        return False
    return _now() >= dt.datetime.fromisoformat(end) - dt.timedelta(hours=early or 0)


RESOURCES: dict[str, Resource] = {
    f"tls:index/{kind.__name__[0].lower()}{kind.__name__[1:]}:{kind.__name__}": kind()
    for kind in (CertRequest, LocallySignedCert, PrivateKey, SelfSignedCert)
}
