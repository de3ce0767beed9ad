"""Streams that nobody asked for, and everything else that servers put around a JSON body."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calls.retry import TransientFailure
from models.servers.stream import body_of
from tests.models.faulty_server import completion, streamed

PLAIN = completion("The Dee.")
CHUNK = {"choices": [{"index": 0, "delta": {"content": "The Dee."}, "finish_reason": "stop"}]}
AROUND = {
    "comments that keep the connection alive": b": PROCESSING\n\n: PROCESSING\n\n" + PLAIN,
    "a mark of byte order": b"\xef\xbb\xbf" + PLAIN,
    "white space": b"\n\n   " + PLAIN + b"\r\n",
    "NUL characters": b"\x00" + PLAIN + b"\x00\x00",
    "compressed without a word": gzip.compress(PLAIN),
    "a list of one": b"[" + PLAIN + b"]",
    "printed over several lines": json.dumps(json.loads(PLAIN), indent=2).encode(),
    "one event that is the whole body": b"data: " + PLAIN + b"\n\ndata: [DONE]\n\n",
    "events": streamed("The ", "Dee."),
    "events without empty lines": streamed("The ", "Dee.", gap="\n"),
    "events with Windows line ends": streamed("The ", "Dee.", gap="\r\n\r\n"),
    "events without an end": streamed("The ", "Dee.", done=False),
    "events without a finish reason": streamed("The ", "Dee.", finish=None),
    "named events between comments": b": hi\n\nevent: chunk\nid: 1\ndata: " + json.dumps(CHUNK).encode() + b"\n\n",
    "events with old line ends": streamed("The ", "Dee.", gap="\r\r"),
    "events in one list": json.dumps([CHUNK | {"id": "1"}, {"choices": []}]).encode(),
    "another encoding": PLAIN.decode().encode("utf-16"),
    "the whole message after its deltas": b"data: " + json.dumps(CHUNK).encode() + b"\n\ndata: " + PLAIN + b"\n\n",
    "two bodies": PLAIN + b"\n" + PLAIN,
    "one value a line": b'{"message": {"content": "The "}}\n{"message": {"content": "Dee."}, "done": true}\n',
}


@pytest.mark.parametrize("raw", AROUND.values(), ids=AROUND)
def test_the_body_is_found(raw: bytes) -> None:
    [choice] = body_of(raw)["choices"]
    assert choice["message"]["content"] == "The Dee."


def test_texts_and_parts_in_one_stream_are_all_kept() -> None:
    pieces = ["The ", [{"type": "text", "text": "De"}], "e."]
    events = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    raw = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode() + b"data: [DONE]\n\n"
    assert body_of(raw)["choices"][0]["message"]["content"] == ["The ", {"type": "text", "text": "De"}, "e."]


def test_an_empty_finish_reason_ends_no_stream() -> None:
    event = {"choices": [{"delta": {"content": "The D"}, "finish_reason": ""}]}
    with pytest.raises(TransientFailure, match="broke off"):
        body_of(f"data: {json.dumps(event)}\n\n".encode())


def test_several_choices_and_separate_thinking_are_kept_apart() -> None:
    events = [
        {"choices": [{"index": 1, "delta": {"content": "B"}}, {"index": 0, "delta": {"content": "A"}}]},
        {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}, "finish_reason": "stop"}]},
    ]
    raw = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    first, second = body_of(raw)["choices"]
    assert first["message"] == {"content": "A", "reasoning_content": "hm"}
    assert second["message"] == {"content": "B"}


def test_separators_of_lines_inside_a_text_are_no_line_ends() -> None:
    chunk = json.dumps(
        {"choices": [{"delta": {"content": "a\u2028b\x85c"}, "finish_reason": "stop"}]}, ensure_ascii=False
    )
    assert body_of(f"data: {chunk}\n\n".encode())["choices"][0]["message"]["content"] == "a\u2028b\x85c"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\x00",
        b"<html>",
        b"data: [DONE]\n\n",
        b": only a comment\n\n",
        streamed("The ", finish=None, done=False),
        streamed("The ", "Dee.")[:-300],
        gzip.compress(PLAIN)[:30],
        b"data: " + json.dumps(CHUNK | {"choices": CHUNK["choices"]}).encode()[:-30] + b"\n\n",
        b'data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: {"error": {"message": "overloaded"}}\n\n',
    ],
)
def test_what_broke_off_is_worth_another_try(raw: bytes) -> None:
    with pytest.raises(TransientFailure):
        body_of(raw)


@given(st.binary())
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    for body in (raw, b"data: " + raw, PLAIN[: len(raw)] + raw):
        with suppress(TransientFailure):
            assert isinstance(body_of(body), dict)
