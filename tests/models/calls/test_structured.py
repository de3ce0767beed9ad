"""Replies under a schema: which are accepted, which are rejected, and what the error says."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from models.calls.structured import excerpt, parse_fitting, parse_structured, schema_of_reply
from models.errors import ConfigError, OutputError

FACTS = {
    "type": "object",
    "properties": {
        "facts": {"type": "array", "items": {"type": "object", "required": ["subject"], "additionalProperties": False,
                                             "properties": {"subject": {"type": "string"}}}}
    },
    "required": ["facts"],
}  # fmt: skip
GOOD = '{"facts": [{"subject": "Dee"}]}'
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n  {GOOD}\t\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}```",
        f"  ```JSON  \r\n{GOOD}\r\n``` \n",
        f"```json {GOOD} ```",
        f"\u200b{GOOD}",
    ],
)
def test_space_and_one_fence_are_tolerated(text: str) -> None:
    assert parse_structured(text, FACTS) == {"facts": [{"subject": "Dee"}]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        f"Here it is: {GOOD}",
        f"{GOOD} I hope this helps.",
        f"{GOOD}{GOOD}",
        f"```json\n```json\n{GOOD}\n```\n```",
        f"```json\n{GOOD}",
        '{"facts": [{"subject": "Dee"',
        '{"facts": NaN}',
        "{'facts': []}",
        "[" * 100_000,
        "9" * 5_000,
        r'{"facts": [{"subject": "\ud83d"}]}',
    ],
)
def test_anything_else_is_refused_with_an_excerpt(text: str) -> None:
    with pytest.raises(OutputError, match="Expected one JSON value") as caught:
        parse_structured(text, FACTS)
    assert len(str(caught.value)) < 700


def test_a_broken_schema_rule_names_the_place_and_the_value() -> None:
    with pytest.raises(OutputError, match=r"\$\.facts\[1\]\.subject") as caught:
        parse_structured('{"facts": [{"subject": "Dee"}, {"subject": 12}]}', FACTS)
    assert "12 is not of type 'string'" in str(caught.value)


def test_a_long_value_does_not_fill_the_message() -> None:
    with pytest.raises(OutputError) as caught:
        parse_structured(json.dumps({"facts": "x" * 50_000}), FACTS)
    assert len(str(caught.value)) < 700


def test_a_wrong_schema_is_the_callers_mistake() -> None:
    with pytest.raises(ConfigError, match="Expected a JSON schema"):
        parse_structured(GOOD, {"type": "objekt"})


def test_an_excerpt_of_nothing_says_so() -> None:
    assert excerpt("") == "nothing at all"
    assert excerpt("\n ") == "only white space"


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10))
def test_every_json_value_survives_the_round_trip(value: object) -> None:
    assert parse_structured(json.dumps(value), {}) == value


class Point(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=9, description="for readers")
    title: Literal["a", "b"] = "a"


class Points(BaseModel):
    """For readers."""

    model_config = ConfigDict(extra="forbid")

    points: tuple[Point, ...] = Field(max_length=3)


def test_the_schema_of_a_reply_is_flat_complete_and_keeps_the_order_of_fields() -> None:
    point = {
        "type": "object",
        "properties": {"text": {"type": "string", "maxLength": 9}, "title": {"type": "string", "enum": ["a", "b"]}},
        "required": ["text", "title"],
        "additionalProperties": False,
    }
    schema = schema_of_reply(Points)
    assert schema == {
        "type": "object",
        "properties": {"points": {"type": "array", "items": point, "maxItems": 3}},
        "required": ["points"],
        "additionalProperties": False,
    }
    assert list(schema) == ["type", "properties", "required", "additionalProperties"]
    assert list(schema["properties"]["points"]["items"]["properties"]) == ["text", "title"]


def test_the_schema_of_a_reply_accepts_what_its_model_accepts() -> None:
    text = '{"points": [{"text": "one", "title": "b"}]}'
    assert Points.model_validate(parse_structured(text, schema_of_reply(Points))).points[0].text == "one"
    with pytest.raises(OutputError, match="is too long"):
        parse_structured('{"points": [{"text": "ten letters", "title": "b"}]}', schema_of_reply(Points))


@pytest.mark.parametrize(
    ("schema", "value", "fitting", "surplus"),
    [
        ({"type": "array", "maxItems": 2}, [1, 2, 3, 4], [1, 2], 2),
        ({"properties": {"a": {"maxItems": 1}}}, {"a": [1, 2], "b": [1, 2]}, {"a": [1], "b": [1, 2]}, 1),
        ({"maxItems": 1, "items": {"maxItems": 1}}, [[1, 2], [3]], [[1]], 2),
        ({"maxItems": 0}, [1], [], 1),
        ({"items": {"properties": {"a": {"maxItems": 1}}}}, [{"a": [1, 2]}, {"a": [3]}], [{"a": [1]}, {"a": [3]}], 1),
        ({"maxItems": 3}, [1, 2, 3], [1, 2, 3], 0),
    ],
)
def test_a_list_beyond_its_maximum_is_cut_and_counted(schema: Any, value: Any, fitting: Any, surplus: int) -> None:
    assert parse_fitting(json.dumps(value), schema) == (fitting, surplus)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "array", "maxItems": 1, "items": {"type": "string"}}, [1, "a"]),
        ({"type": "object", "maxItems": 1}, [1, 2]),
        ({"maxLength": 2}, "abc"),
        ({"maxItems": 2, "minItems": 2, "items": {"maxItems": 0, "minItems": 1}}, [[1], [2], [3]]),
    ],
)
def test_what_cutting_does_not_mend_is_refused(schema: Any, value: Any) -> None:
    with pytest.raises(OutputError):
        parse_structured(json.dumps(value), schema)


@pytest.mark.parametrize("text", ["\ufeff[1]", "\x00[1]\x00", "\n\ufeff ```json\n[1]\n```\n\x00"])
def test_marks_around_the_value_are_taken_off(text: str) -> None:
    assert parse_structured(text, {}) == [1]
