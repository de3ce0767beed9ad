"""Answers under a schema: what is taken, what is refused, and what the refusal says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls.structured import excerpt, parse_structured
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
    [GOOD, f"\n  {GOOD}\t\n", f"```json\n{GOOD}\n```", f"```\n{GOOD}```", f"  ```JSON  \r\n{GOOD}\r\n``` \n"],
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
