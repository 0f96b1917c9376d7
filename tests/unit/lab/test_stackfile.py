"""The lab's copy of a stack file differs from it in salt, secrets and identity alone."""

import pytest

from lab.stackfile import OverlayError, apply_overlay, secrets_of, with_known_hosts

pytestmark = pytest.mark.unit

STACK = """encryptionsalt: v1:theirs
config:
  hearth:cluster:
    name: x # PLACEHOLDER
    mac: 52:54:00:12:34:56
  hearth:identity:
    deployKeyPublic: ssh-ed25519 AAAA theirs
  hearth:deployKey:
    secure: v1:theirs
  # A comment.
  other:plain: value
"""
OVERLAY = {
    "passphrase": "rehearsal",
    "encryptionsalt": "v1:ours",
    "config": {
        "hearth:identity": {"deployKeyPublic": "ssh-ed25519 AAAA ours"},
        "hearth:deployKey": {"secure": "v1:ours"},
        "hearth:proxmoxToken": {"secure": "v1:added"},
    },
}


def test_salt_secrets_and_identity_are_replaced_and_nothing_else() -> None:
    text, replaced = apply_overlay(STACK, OVERLAY)
    assert text == STACK.replace("theirs", "ours") + (
        "  hearth:proxmoxToken:\n    secure: v1:added\n"
    )
    assert replaced == [
        "encryptionsalt",
        "hearth:identity",
        "hearth:deployKey",
        "hearth:proxmoxToken",
    ]


def test_applying_an_overlay_twice_changes_nothing_more() -> None:
    once, _ = apply_overlay(STACK, OVERLAY)
    assert apply_overlay(once, OVERLAY)[0] == once


def test_a_secret_that_the_overlay_lacks_is_named() -> None:
    more = STACK + "  hearth:ageKey:\n    secure: v1:theirs\n"
    with pytest.raises(OverlayError, match="no value for hearth:ageKey"):
        apply_overlay(more, OVERLAY)


def test_an_overlay_without_a_salt_is_refused() -> None:
    with pytest.raises(OverlayError, match="encryptionsalt"):
        apply_overlay(STACK, {"config": OVERLAY["config"]})


def test_plain_objects_are_no_secrets() -> None:
    config = {"a": {"secure": "v1:x"}, "b": {"secure": "v1:x", "more": 1}, "c": "secure"}
    assert secrets_of(config) == {"a": "v1:x"}


@pytest.mark.parametrize(
    "before",
    [
        "      knownHosts:\n        # Published.\n        - a ssh-rsa AA\n        - b ssh-rsa AA\n",
        "      knownHosts:\n      - a ssh-rsa AAAA\n",
        "      knownHosts: [a ssh-rsa AAAA]\n",
    ],
)
def test_known_hosts_are_replaced_however_they_are_written(before: str) -> None:
    around = "    gitops:\n      branch: main\n{}    dns: {{}} # PLACEHOLDER\n"
    after = "      knownHosts:\n        - git.example ssh-ed25519 BBBB\n"
    found = with_known_hosts(around.format(before), ["git.example ssh-ed25519 BBBB"])
    assert found == around.format(after)


def test_a_stack_without_known_hosts_gets_none() -> None:
    assert with_known_hosts(STACK, ["git.example ssh-ed25519 BBBB"]) == STACK
