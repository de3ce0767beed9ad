"""What servers send in place of the reply that the protocol describes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.calls.retry import TransientFailure
from models.errors import OutputError
from models.protocols import ChatRequest, Message, Usage
from models.servers.replies import error_in, parse_reply
from tests.models.faulty_server import USAGE, completion

ASK = ChatRequest((Message("user", "Name a river."),), max_tokens=64)
FORMED = ChatRequest(ASK.messages, {"type": "object"}, max_tokens=64)


def message(content: Any, finish: str | None = "stop", **fields: Any) -> bytes:
    inner = {"role": "assistant", "content": content, **fields}
    return completion(None, choices=[{"index": 0, "message": inner, "finish_reason": finish}])


CONTENTS = {
    "parts": [{"type": "text", "text": "The "}, {"type": "text", "text": "Dee."}],
    "thinking and a part": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "The Dee."}],
    "nested thinking": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "The Dee."},
    ],
    "reasoning and output": [{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "The Dee."}],
    "texts": ["The ", "Dee."],
    "parts without a type": [{"text": "The Dee."}],
    "texts with notes": [{"type": "text", "text": {"value": "The Dee.", "annotations": []}}],
    "one part": {"type": "text", "text": "The Dee."},
    "a part marked as thought": [{"text": "hm", "thought": True}, {"text": "The Dee."}],
    "a picture and a text": [{"type": "image_url", "image_url": {}}, {"type": "text", "text": "The Dee."}],
    "a NUL character": "The\x00 Dee.",
    "thinking in the text part": [{"type": "text", "text": "<think>hm</think>"}, {"type": "text", "text": "The Dee."}],
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_content_of_any_form_is_its_text(content: Any) -> None:
    assert parse_reply(message(content), ASK).text == "The Dee."


SHAPES = {
    "older completions": {"choices": [{"text": "The Dee.", "finish_reason": "stop"}], "usage": USAGE},
    "a choice as a mapping": {"choices": {"message": {"content": "The Dee."}}, "usage": USAGE},
    "a message as a text": {"choices": [{"message": "The Dee."}], "usage": USAGE},
    "no finish reason": {"choices": [{"message": {"content": "The Dee."}}], "usage": USAGE},
    "several, out of order": {
        "choices": [{"index": 1, "message": {"content": "No."}}, {"index": 0, "message": {"content": "The Dee."}}],
        "usage": USAGE,
    },
    "several, the first one empty": {
        "choices": [{"index": 0, "message": {"content": ""}}, {"index": 1, "message": {"content": "The Dee."}}],
        "usage": USAGE,
    },
    "a message alone": {"message": {"content": "The Dee."}, "done": True, "prompt_eval_count": 12, "eval_count": 5},
    "reasoning beside it": {
        "choices": [{"message": {"content": "The Dee.", "reasoning_content": "hm"}}],
        "usage": USAGE,
    },
}


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
def test_a_body_of_any_shape_has_its_text_and_usage(body: dict[str, Any]) -> None:
    got = parse_reply(json.dumps(body).encode(), ASK)
    assert (got.text, got.usage.tokens_in, got.usage.tokens_out, got.usage.estimated) == ("The Dee.", 12, 5, False)


@pytest.mark.parametrize(
    ("stated", "usage"),
    [
        ({"prompt_tokens": "12", "completion_tokens": "5"}, Usage(12, 5)),
        ({"prompt_tokens": 12.0, "completion_tokens": 5.0}, Usage(12, 5)),
        ({"input_tokens": 12, "output_tokens": 5}, Usage(12, 5)),
        ({"completion_tokens": 5, "total_tokens": 17}, Usage(12, 5)),
        ({"prompt_tokens": 12, "total_tokens": 17}, Usage(12, 5)),
        # Estimated: one token for 3.5 bytes, rounded up; 13 bytes were sent and 8 written.
        (None, Usage(4, 3, estimated=True)),
        ({}, Usage(4, 3, estimated=True)),
        ([], Usage(4, 3, estimated=True)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, Usage(4, 3, estimated=True)),
        ({"prompt_tokens": None, "completion_tokens": 5}, Usage(4, 5, estimated=True)),
        ({"prompt_tokens": 12}, Usage(12, 3, estimated=True)),
        ({"prompt_tokens": "many", "completion_tokens": -1}, Usage(4, 3, estimated=True)),
        ({"prompt_tokens": True, "completion_tokens": 5.5}, Usage(4, 3, estimated=True)),
        ({"prompt_tokens": 10**30, "completion_tokens": "9" * 40}, Usage(4, 3, estimated=True)),
        (
            {"prompt_tokens": 12, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": "4"}},
            Usage(12, 5, 4),
        ),
    ],
)
def test_numbers_of_tokens_are_read_or_estimated_and_marked(stated: Any, usage: Usage) -> None:
    assert parse_reply(completion("The Dee.", usage=stated), ASK).usage == usage


def test_estimates_count_the_schema_and_what_was_thought() -> None:
    inner = {"content": "{}", "reasoning_content": "a" * 33}
    body = completion(None, choices=[{"message": inner}], usage=None)
    got = parse_reply(body, FORMED).usage
    assert (got.tokens_in, got.tokens_out, got.estimated) == (
        9,
        10,
        True,
    )  # (13 + 18) / 3.5 and (2 + 33) / 3.5, rounded up
    assert (got + Usage(1, 1)).estimated and not (Usage() + Usage(1, 1)).estimated


CALL = {"id": "1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_calls": [CALL]},
        {"tool_calls": [CALL, CALL], "reasoning": "hm"},
        {"function_call": {"name": "lookup", "arguments": "{}"}},
        {"content": [{"type": "tool_use", "name": "lookup", "input": {}}]},
        {"content": "  ", "tool_calls": [CALL]},
    ],
)
def test_the_call_of_a_tool_is_named(fields: dict[str, Any]) -> None:
    content = fields.pop("content", None)
    with pytest.raises(OutputError, match=r"called a tool \(lookup") as caught:
        parse_reply(message(content, "tool_calls", **fields), FORMED)
    assert caught.value.tokens_in == 12


def test_a_text_beside_the_call_of_a_tool_is_the_reply() -> None:
    assert parse_reply(message("The Dee.", "tool_calls", tool_calls=[CALL]), ASK).text == "The Dee."


@pytest.mark.parametrize(
    ("content", "finish", "fields"),
    [
        (None, "content_filter", {}),
        ("The D", "content_filter", {}),
        (None, "SAFETY", {}),
        (None, "PROHIBITED_CONTENT", {}),
        (None, "stop", {"refusal": "I cannot help with that."}),
        ([{"type": "refusal", "refusal": "I cannot."}], "stop", {}),
    ],
)
def test_a_refusal_in_a_reply_is_said(content: Any, finish: str, fields: dict[str, Any]) -> None:
    with pytest.raises(OutputError, match="refused to answer"):
        parse_reply(message(content, finish, **fields), ASK)


@pytest.mark.parametrize("finish", ["length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens"])
def test_a_cut_off_reply_is_one_whatever_the_server_calls_it(finish: str) -> None:
    assert parse_reply(message("The D", finish), ASK).finish_reason == "length"
    with pytest.raises(OutputError, match="cut off"):
        parse_reply(message("{", finish), FORMED)


@pytest.mark.parametrize(
    ("content", "fields"),
    [("<think>\nThe rivers", {}), ("", {"reasoning_content": "The rivers"}), (None, {"reasoning": "The rivers"})],
)
def test_a_reply_cut_off_within_its_thinking_says_so(content: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(OutputError, match=r"cut off within its thinking.*The rivers"):
        parse_reply(message(content, "length", **fields), ASK)


def test_a_reply_that_ends_within_its_thinking_is_no_answer() -> None:
    with pytest.raises(OutputError, match="ended within the model's thinking"):
        parse_reply(message("<think>\nThe rivers"), ASK)


@pytest.mark.parametrize("content", ["", None, [], "<think>hm</think>", "<|im_end|>", [{"type": "image_url"}], {}])
def test_no_text_at_all_is_worth_another_try(content: Any) -> None:
    if content == {}:
        assert parse_reply(message(content), ASK).text == "{}"  # a JSON value that came parsed
        return
    with pytest.raises(TransientFailure) as caught:
        parse_reply(message(content), ASK)
    assert caught.value.empty


def test_a_value_that_came_parsed_is_written_again() -> None:
    assert json.loads(parse_reply(message({"river": "Dee", "n": [1]}), FORMED).text) == {"river": "Dee", "n": [1]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"code": 403, "message": "flagged"}}, 403),
        ({"error": {"code": "400", "message": "bad"}}, 400),
        ({"error": {"status": 503}}, 503),
        ({"choices": [{"error": {"code": 502, "message": "upstream"}}]}, 502),
        ({"error": {"code": "busy"}}, None),
        ({"error": "busy"}, None),
        ({"error": {"code": "content_filter", "message": "Flagged"}}, 400),
        ({"error": "Incorrect API key provided"}, 400),
        ({"error": "", "choices": [{"message": {"content": "An invalid API key is refused."}}]}, None),
        ({"error": None, "choices": []}, None),
    ],
)
def test_an_error_that_comes_with_status_200_is_found_where_it_says_which_one_it_is(
    body: dict[str, Any], status: int | None
) -> None:
    found = error_in(json.dumps(body).encode())
    assert (found and found[1]) == status
