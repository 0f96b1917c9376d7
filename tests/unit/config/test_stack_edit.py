"""Edits of a stack file replace what they name and leave every other byte."""

import pytest
import yaml

from config.stack_edit import object_lines, secret_lines, with_key, with_salt, without_key

pytestmark = pytest.mark.unit

TEXT = """# A comment above.
config:
  # A comment inside.
  hearth:cluster: # PLACEHOLDER
    name: x

    mac: 52:54:00:12:34:56 # PLACEHOLDER

  # A comment below.
  hearth:deployKey:
    secure: v1:old
  pulumi:disable: [a]
"""


def test_a_new_key_is_added_at_the_end_of_config() -> None:
    edited = with_key(TEXT, "hearth:ageKey", secret_lines("v1:new"))
    assert edited == TEXT + "  hearth:ageKey:\n    secure: v1:new\n"


def test_a_key_is_replaced_where_it_stands() -> None:
    edited = with_key(TEXT, "hearth:deployKey", secret_lines("v1:new"))
    assert edited == TEXT.replace("v1:old", "v1:new")


def test_a_quoted_key_is_the_same_key() -> None:
    quoted = TEXT.replace("hearth:deployKey:", '"hearth:deployKey":')
    edited = with_key(quoted, "hearth:deployKey", secret_lines("v1:new"))
    assert edited == TEXT.replace("v1:old", "v1:new")


def test_the_comment_of_the_next_key_stays_when_a_key_is_replaced() -> None:
    edited = with_key(TEXT, "hearth:cluster", ["name: y"])
    assert "    name: y\n\n  # A comment below.\n  hearth:deployKey:\n" in edited


def test_the_files_own_indentation_is_kept() -> None:
    edited = with_key("config:\n    hearth:a: 1\n", "hearth:b", ["secure: v1:x"])
    assert edited == "config:\n    hearth:a: 1\n    hearth:b:\n      secure: v1:x\n"


def test_a_key_after_config_is_no_part_of_it() -> None:
    text = "config:\n  hearth:a: 1\nother:\n  hearth:b: 2\n"
    edited = with_key(text, "hearth:b", ["c: 3"])
    assert edited == "config:\n  hearth:a: 1\n  hearth:b:\n    c: 3\nother:\n  hearth:b: 2\n"


def test_a_comment_at_the_margin_does_not_end_the_config() -> None:
    text = "config:\n  hearth:a: 1\n# margin\n  hearth:b:\n    c: 2\n# tail\n"
    assert with_key(text, "hearth:b", ["c: 3"]) == text.replace("c: 2", "c: 3")


def test_a_key_is_removed_with_its_value_alone() -> None:
    edited = without_key(TEXT, "hearth:deployKey")
    assert edited == TEXT.replace("  hearth:deployKey:\n    secure: v1:old\n", "")
    assert without_key(edited, "hearth:deployKey") == edited


def test_a_salt_is_put_above_config_and_replaced_there() -> None:
    once = with_salt(TEXT, "v1:one")
    assert once == TEXT.replace("config:\n", "encryptionsalt: v1:one\nconfig:\n", 1)
    assert with_salt(once, "v1:two") == once.replace("v1:one", "v1:two")


def test_texts_of_several_lines_come_back_byte_for_byte() -> None:
    value = {"pem": "-----BEGIN\nabc\n-----END\n", "line": "ssh-ed25519 AAAA x", "bare": "a\nb"}
    assert yaml.safe_load("\n".join(object_lines(value))) == value


def test_a_file_without_config_is_refused() -> None:
    with pytest.raises(ValueError, match="no line `config:`"):
        with_key("name: x\n", "hearth:a", ["b: c"])
