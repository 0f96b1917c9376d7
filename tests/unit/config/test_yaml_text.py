"""Stack files are read as the engine reads them, and their placeholders are found."""

import pytest

from config.errors import ConfigError
from config.load import placeholders, read_stack_text
from config.yaml_text import parse

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),
        ("on", "on"),
        ("yes", "yes"),
        ('"2026-11-21"', "2026-11-21"),
        ("1e3", 1000.0),
        ("true", True),
        ("10", 10),
        ("-1", -1),
        ("1.5", 1.5),
        ("1.2.3", "1.2.3"),
        ("null", None),
        ("", None),
        ('"1"', "1"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(text: str, value: object) -> None:
    assert parse(f"key: {text}\n", "x") == {"key": value}


def test_a_repeated_key_is_refused_with_both_lines() -> None:
    with pytest.raises(ConfigError, match="line 3 repeats the key of line 2"):
        parse("config:\n  a: 1\n  a: 2\n", "x")


@pytest.mark.parametrize(
    "text", ["2026-11-21", "010", "1_000", "0x1F", "True", "NULL", ".5", "1.", "2026-1-2 10:00:00"]
)
def test_a_bare_value_that_parsers_disagree_about_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="ambiguous-value"):
        parse(f"key: {text}\n", "x")
    with pytest.raises(ConfigError, match="ambiguous-value"):
        parse(f"key: [a, {text}]\n", "x")
    assert parse(f'key: "{text}"\n', "x") == {"key": text}


def test_equal_keys_of_two_list_items_are_no_repetition() -> None:
    assert parse("a: [{b: 1}, {b: 2}]\n", "x") == {"a": [{"b": 1}, {"b": 2}]}


def test_broken_yaml_is_refused_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"not YAML.*line 2"):
        parse("a: 1\n b: [\n", "x")


def test_a_placeholder_has_its_line_and_its_path() -> None:
    text = (
        "# Values marked PLACEHOLDER are the owner's.\n"
        "config:\n"
        "  hearth:cluster:\n"
        "    # PLACEHOLDER in a comment of its own marks nothing\n"
        "    gateways: [10.0.0.1] # PLACEHOLDER\n"
        "    machines:\n"
        "      - {name: a, mac: b} # PLACEHOLDER\n"
        "      - name: c\n"
        "        mac: d # PLACEHOLDER: read it from the box\n"
    )
    assert [(item.line, item.text) for item in placeholders(text)] == [
        (5, "hearth:cluster.gateways"),
        (7, "hearth:cluster.machines[0]"),
        (9, "hearth:cluster.machines[1].mac"),
    ]


def test_a_file_without_config_has_no_cluster() -> None:
    file = read_stack_text("encryptionsalt: v1:x\n", "x")
    assert file.cluster is None
    assert file.settings == {"encryptionsalt": "v1:x"}
