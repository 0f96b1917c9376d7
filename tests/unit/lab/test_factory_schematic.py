"""Schematics and their identifiers.

The identifiers of the first two are published ones; the others were computed with go-yaml v4 from
the struct of image-factory's `pkg/schematic`.
"""

import pytest

from lab.factory.errors import FactoryError, InvalidSchematicError
from lab.factory.images import DISK_BYTES, content
from lab.factory.state import Factory
from lab.factory.wire import parse

pytestmark = pytest.mark.unit

META = """\
customization:
  meta:
  - key: 10
    value: |
      addresses:
        - address: 1.2.3.4
  - key: 12
    value: machine.type=1
"""
OVERLAY = """\
overlay:
  image: siderolabs/sbc-raspberrypi
  name: rpi
  options:
    b: 1
    a: {x: true}
    c: [1, two]
customization:
  bootloader: sd-boot
  secureboot: {includeWellKnownCertificates: true}
  diskImage: {sectorSize: 4096}
"""
AGENT = b"customization: {systemExtensions: {officialExtensions: [siderolabs/qemu-guest-agent]}}"


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        (
            "customization: {}",
            "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba",
        ),
        (
            AGENT.decode(),
            "ce4c980550dd2ab1b17bbf2b08801c7eb59418eafe8f279833297925d67c7515",
        ),
        (
            META,
            "6520a2a5b12b0bb90069bb9df16a37e5226a9c894fd9cd4d548e8a4270694fbd",
        ),
        (
            OVERLAY,
            "280bf9bbbe7ea6913b0d2d22f31e2e2dc2a9b74938844ddb505bb309530d2e33",
        ),
        (
            'customization:\n  embeddedMachineConfiguration: "a\\nb\\n\\n"\n',
            "030333c36808103ed922df5c10faaabbd50fa775fc8b00a9ead63ef380bd6755",
        ),
    ],
)
def test_an_identifier_is_the_one_the_factory_gives(text: str, identifier: str) -> None:
    assert parse(text.encode()).identifier == identifier


def test_order_and_layout_do_not_change_an_identifier() -> None:
    one = b"customization:\n  extraKernelArgs: [a=1]\n  systemExtensions: {officialExtensions: [x]}"
    two = b"customization:\n  systemExtensions:\n    officialExtensions:\n    - x\n"
    two += b'  extraKernelArgs:\n  - "a=1"\n'
    assert parse(one) == parse(two)


def test_arguments_that_are_no_strings_to_yaml_stay_strings() -> None:
    text = parse(b'customization: {extraKernelArgs: ["1", "yes", "", "-x", "a: b"]}').text
    assert text.splitlines()[2:] == [
        '        - "1"',
        '        - "yes"',
        '        - ""',
        "        - -x",
        "        - 'a: b'",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"customization:\n  systemExtension: {}\n", "line 2: field systemExtension not found"),
        (b"customization: []\n", "cannot construct !!seq into schematic.Customization"),
        (b"customization: {extraKernelArgs: console}", "into []string"),
        (b"owner: me\ncustomization: {}", "only supported in Enterprise"),
        (b"", "EOF"),
        (b"a: [", "yaml:"),
    ],
)
def test_a_schematic_that_is_none_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(InvalidSchematicError) as refused:
        parse(text)
    assert reason in refused.value.message
    assert refused.value.status == 400


def test_an_extension_nobody_publishes_is_refused_when_an_image_is_asked_for() -> None:
    factory = Factory(("qemu-guest-agent",))
    kept = factory.put(AGENT.replace(b"qemu", b"qumu"))
    with pytest.raises(FactoryError, match="not available for Talos version") as refused:
        factory.image(kept.identifier, "v1.13.0", "nocloud-amd64.qcow2")
    assert refused.value.status == 400
    factory.image(kept.identifier, "v1.13.0", "cmdline-metal-amd64")


@pytest.mark.parametrize(
    ("version", "file", "status"),
    [
        ("v1.13.0", "nocloud-amd64.exe", 400),
        ("v1.13.0", "nocloud-riscv.qcow2", 400),
        ("v9.9.9", "nocloud-amd64.qcow2", 404),
    ],
)
def test_an_asset_the_factory_does_not_make_is_refused(
    version: str, file: str, status: int
) -> None:
    factory = Factory(("qemu-guest-agent",))
    kept = factory.put(AGENT)
    with pytest.raises(FactoryError) as refused:
        factory.image(kept.identifier, version, file)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "file",
    [
        "nocloud-amd64.qcow2",
        "nocloud-amd64.raw.xz",
        "metal-amd64.raw.zst",
        "metal-amd64-secureboot.iso",
        "metal-arm64-uki.efi",
        "kernel-amd64",
        "initramfs-amd64.xz",
        "nocloud-installer-amd64.tar",
        "digital-ocean-amd64.raw.gz",
    ],
)
def test_the_assets_of_the_factory_exist(file: str) -> None:
    factory = Factory(("qemu-guest-agent",))
    kept = factory.put(AGENT)
    assert kept.identifier.encode() in content(factory.image(kept.identifier, "1.13.0", file))


def test_a_qcow2_says_how_large_its_disk_is() -> None:
    factory = Factory(())
    kept = factory.put(b"customization: {}")
    data = content(factory.image(kept.identifier, "v1.13.0", "nocloud-amd64.qcow2"))
    assert data[:4] == b"QFI\xfb"
    assert int.from_bytes(data[24:32], "big") == DISK_BYTES


def test_no_digest_is_shared_by_two_extensions_or_versions() -> None:
    factory = Factory(("qemu-guest-agent", "tailscale"))
    digests = [e.digest for v in ("v1.12.6", "v1.13.0") for e in factory.official(v)]
    assert len(set(digests)) == 4
