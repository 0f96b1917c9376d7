"""The client of blank machines: how talosctl is called, and what is read out of its answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from provider.blank_machine import BlankMachine
from provider.disk_contents import Volume
from provider.host_facts import Card, Disk, System
from provider.host_probe import hardware, installed_on, system, volumes
from provider.talosctl import TalosError

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

UNIMPLEMENTED = (
    "error getting version: rpc error: code = Unimplemented desc = API is not implemented in "
    "maintenance mode"
)


def script(folder: Path, body: str) -> BlankMachine:
    """A machine that is asked through a shell script in talosctl's place."""
    program = folder / "talosctl"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return BlankMachine("10.0.5.1", str(program))


def showing(folder: Path, **kinds: list[tuple[str, dict[str, Any]]]) -> BlankMachine:
    """A machine with these resources, printed as `talosctl get KIND --output json` does."""
    for kind, found in kinds.items():
        documents = [
            {"metadata": {"id": id_}, "node": "10.0.5.1", "spec": spec} for id_, spec in found
        ]
        text = "".join(json.dumps(document, indent=4) + "\n" for document in documents)
        (folder / kind).write_text(text)
    version = '{"metadata":{"hostname":"10.0.5.1"},"version":{"tag":"v1.13.0"}}'
    (folder / "version").write_text(version)
    return script(folder, f"case $1 in get) cat {folder}/$2;; *) cat {folder}/version;; esac")


def test_it_is_asked_without_credentials(tmp_path: Path) -> None:
    words = script(tmp_path, 'echo "$@"').run("get", "links")
    assert words.strip() == "get links --insecure --nodes 10.0.5.1"


def test_a_configuration_is_handed_over_in_a_file_without_a_name(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    recorder = f'echo "$@" > {seen}; while [ "$1" != --file ]; do shift; done; cat "$2" >> {seen}'
    script(tmp_path, recorder).apply("kind: HostnameConfig\n")
    arguments, configuration = seen.read_text().splitlines()
    assert arguments.startswith("apply-config --file /dev/fd/")
    assert arguments.endswith("--insecure --nodes 10.0.5.1")
    assert configuration == "kind: HostnameConfig"


def test_a_refused_configuration_is_an_error_in_talos_words(tmp_path: Path) -> None:
    words = (
        "error applying new configuration: rpc error: code = InvalidArgument desc = no such kind"
    )
    with pytest.raises(TalosError, match="desc = no such kind") as caught:
        script(tmp_path, f"echo '{words}' >&2; exit 1").apply("kind: Nonsense\n")
    assert caught.value.code == "InvalidArgument"


def test_a_talos_that_is_too_old_to_say_its_version_has_none(tmp_path: Path) -> None:
    assert script(tmp_path, f"echo '{UNIMPLEMENTED}' >&2; exit 1").version() == ""
    with pytest.raises(TalosError):
        script(tmp_path, "echo 'rpc error: code = Unavailable' >&2; exit 1").version()


def test_cards_are_links_of_their_own_with_every_name_and_address(tmp_path: Path) -> None:
    machine = showing(
        tmp_path,
        systeminformation=[("systeminformation", {"manufacturer": "Apple", "uuid": "AB"})],
        disks=[],
        links=[
            ("lo", {"type": "loopback", "kind": ""}),
            ("bond0", {"type": "ether", "kind": "bond", "hardwareAddr": "02:00:00:00:00:01"}),
            (
                "enp3s0f0",
                {
                    "type": "ether",
                    "kind": "",
                    "hardwareAddr": "02:00:00:00:00:02",
                    "permanentAddr": "68:5B:35:00:00:01",
                    "altNames": ["enx685b35000001"],
                },
            ),
        ],
    )
    found = hardware(machine)
    assert found.cards == [
        Card(("02:00:00:00:00:02", "68:5b:35:00:00:01"), ("enp3s0f0", "enx685b35000001"))
    ]
    assert (found.uuid, found.product) == ("AB", "Apple")


def test_disks_are_drives_and_nothing_that_is_made_of_them(tmp_path: Path) -> None:
    sda = {"size": 5, "model": "APPLE", "serial": "S1", "transport": "sata"}
    machine = showing(
        tmp_path,
        systeminformation=[],
        links=[],
        disks=[
            ("loop0", {"size": 1}),
            ("sda", sda),
            ("sr0", {"size": 2, "transport": "sata", "cdrom": True}),
        ],
    )
    assert hardware(machine).disks == [
        Disk("sda", "APPLE", "S1", 5, "sata"),
        Disk("sr0", size=2, transport="sata", writable=False),
    ]


def test_the_schematic_is_told_from_the_extensions_that_it_stands_among(tmp_path: Path) -> None:
    extensions = [
        ("0", {"image": "0.sqsh", "metadata": {"name": "schematic", "version": "abc"}}),
        ("1", {"image": "1.sqsh", "metadata": {"name": "lldpd", "version": "1.0.20"}}),
    ]
    machine = showing(tmp_path, extensions=extensions, systemdisk=[])
    assert system(machine) == System("v1.13.0", "abc", frozenset({"lldpd"}), "")
    machine = showing(tmp_path, systemdisk=[("system-disk", {"diskID": "sda"})])
    assert installed_on(machine) == "sda"


def test_partitions_that_only_the_kernel_knows_are_on_the_disk_all_the_same(tmp_path: Path) -> None:
    machine = showing(
        tmp_path,
        discoveredvolumes=[
            ("sda", {"name": "gpt", "size": 9}),
            ("sda1", {"name": "xfs", "parent": "sda", "partition_label": "u-data", "offset": 1}),
            ("sdb", {"name": ""}),
        ],
        blockdevices=[("sda", {}), ("sda1", {"parent": "sda"}), ("sdb1", {"parent": "sdb"})],
    )
    assert sorted(volumes(machine), key=lambda item: item.name) == [
        Volume("sda", "sda", "gpt", size=9),
        Volume("sda1", "sda", "xfs", "u-data", offset=1),
        Volume("sdb", "sdb"),
        Volume("sdb1", "sdb"),
    ]
