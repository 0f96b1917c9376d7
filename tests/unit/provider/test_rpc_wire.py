"""Property values survive the wire: what goes in comes out, secret, unknown and all."""

import math

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from provider.rpc import wire
from provider.rpc.wire import (
    UNKNOWN,
    Archive,
    Asset,
    ResourceRef,
    Secret,
    Value,
    carry_secrets,
    decode,
    encode,
    has_secret,
    has_unknown,
    is_secret,
    plain,
    same,
)

pytestmark = pytest.mark.unit

_TEXT = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda text: text not in wire.UNKNOWN_SENTINELS and text != wire.SIGNATURE
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-wire.LARGEST_WHOLE, wire.LARGEST_WHOLE),
    st.floats(allow_nan=False),
    _TEXT,
    st.just(UNKNOWN),
    st.builds(lambda text: Asset({"text": text}), _TEXT),
    st.builds(lambda path: Archive({"path": path}), _TEXT),
    st.builds(lambda urn: ResourceRef({"urn": urn}), _TEXT),
)
VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(_TEXT, inner, max_size=4),
        st.builds(Secret, inner),
    ),
    max_leaves=12,
)
PROPERTIES = st.dictionaries(_TEXT, VALUES, max_size=5)


@given(PROPERTIES)
def test_what_is_encoded_is_decoded_to_the_same_values(properties: dict[str, Value]) -> None:
    assert decode(encode(properties)) == properties


@given(PROPERTIES)
def test_encoding_again_gives_the_same_bytes(properties: dict[str, Value]) -> None:
    struct = encode(properties)
    again = encode(decode(struct))
    assert again.SerializeToString(deterministic=True) == struct.SerializeToString(
        deterministic=True
    )


@given(PROPERTIES)
def test_plain_values_hold_no_wrapper_and_lose_no_unknown(properties: dict[str, Value]) -> None:
    bare = plain(properties)
    assert not has_secret(bare)
    assert has_unknown(bare) == has_unknown(properties)


@given(PROPERTIES)
def test_carrying_secrets_over_restores_what_plain_took_away(properties: dict[str, Value]) -> None:
    carried = carry_secrets(properties, plain(properties))
    assert plain(carried) == plain(properties)
    for key, value in properties.items():
        assert is_secret(carried[key]) == (is_secret(value) and plain(value) is not None)


@given(PROPERTIES)
def test_a_value_equals_itself_unless_it_is_unknown(properties: dict[str, Value]) -> None:
    assert same(properties, plain(properties)) != has_unknown(plain(properties))


@pytest.mark.parametrize("sentinel", sorted(wire.UNKNOWN_SENTINELS))
def test_every_kind_of_unknown_is_the_one_unknown(sentinel: str) -> None:
    struct = struct_pb2.Struct()
    struct.update({"a": {"b": [sentinel]}})
    assert decode(struct)["a"]["b"][0] is UNKNOWN


def test_whole_numbers_are_integers_and_large_ones_stay_doubles() -> None:
    struct = struct_pb2.Struct()
    struct.update({"n": 4.0, "f": 4.5, "huge": 1e300})
    numbers = decode(struct)
    assert (type(numbers["n"]), type(numbers["f"]), type(numbers["huge"])) == (int, float, float)


def test_infinity_and_nan_pass_through() -> None:
    numbers = decode(encode({"inf": math.inf, "nan": math.nan}))
    assert numbers["inf"] == math.inf
    assert math.isnan(numbers["nan"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value": "x"}, "x"),
        ({"value": "x", "secret": True}, Secret("x")),
        ({"dependencies": ["urn:a"]}, UNKNOWN),
        ({"secret": True}, Secret(UNKNOWN)),
    ],
)
def test_an_output_value_becomes_the_secret_or_unknown_it_says(
    fields: dict[str, Value], expected: Value
) -> None:
    struct = struct_pb2.Struct()
    struct.update({"out": {wire.SIGNATURE: wire.OUTPUT_VALUE, **fields}})
    assert decode(struct)["out"] == expected


def test_an_unknown_signature_is_refused() -> None:
    struct = struct_pb2.Struct()
    struct.update({"x": {wire.SIGNATURE: "0000"}})
    with pytest.raises(ValueError, match="0000"):
        decode(struct)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [{"b": object()}]}, r"top\.a\[0\]\.b: object cannot be"),
        ({"a": 2**53 + 1}, r"top\.a: 9007199254740993 is too large"),
        ({3: "x"}, "top: the key 3 is not a string"),
        ({wire.SIGNATURE: wire.SECRET, "value": 1}, "top: a dict must not hold"),
    ],
)
def test_what_cannot_travel_is_refused_with_its_path(value: Value, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        encode({"top": value})


def test_a_secret_never_shows_in_its_repr() -> None:
    assert "canary" not in repr({"a": [Secret("canary")]})


def test_an_unknown_cannot_be_tested_for_truth_by_mistake() -> None:
    with pytest.raises(TypeError, match="is UNKNOWN"):
        bool(UNKNOWN)
