"""A reply that comes as a stream of events, put together to the body that the same server sends at once.

Some servers stream though nobody asked for it, and some do nothing else. `body_of` takes what came, in whichever of
these forms: one JSON value, behind comment lines that kept the connection alive; server-sent events (`data: {…}`);
one JSON value a line. Knows nothing of tokens and thinking: `replies` reads the body.
"""

from __future__ import annotations

import gzip
import json
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from itertools import chain
from typing import Any

from models.calls.retry import TransientFailure
from models.calls.structured import excerpt

_QUOTED_BYTES = 2000


def body_of(raw: bytes) -> dict[str, Any]:
    """The JSON object in the body of a response; a stream is joined to one.

    Raises:
        TransientFailure: There is none, or the stream broke off.
    """
    raw = _unpacked(raw)
    encoding = "utf-16" if raw[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8"
    text = raw.decode(encoding, "replace").strip("\x00 \t\r\n\ufeff")
    if not text:
        raise TransientFailure("it answered HTTP 200 with an empty body")
    value = _json(text)
    if value is None:
        events, ended = _events(text)
        if not events:
            raise TransientFailure(f"it answered HTTP 200 with something other than JSON: {quoted(raw)}")
        value = _one(events, ended, raw)
    if isinstance(value, list) and value and all(isinstance(event, dict) for event in value):
        value = _one(value, False, raw)  # a stream as one list, or a gateway's list of one
    if not isinstance(value, dict):
        raise TransientFailure(f"it answered HTTP 200 with JSON that is no chat completion: {quoted(raw)}")
    return value


def _unpacked(raw: bytes) -> bytes:
    """A body that was compressed and not declared to be."""
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise TransientFailure(f"its compressed response broke off ({error})") from error


def quoted(raw: bytes) -> str:
    """The beginning of a body, for a message."""
    return excerpt(raw[:_QUOTED_BYTES].decode("utf-8", "replace"))


def _json(text: str) -> Any:
    """The JSON value that a text is, None if it is none; comment lines before it are passed over."""
    lines = _lines(text)
    while lines and (lines[0].startswith(":") or not lines[0].strip()):
        lines.pop(0)
    try:
        return json.loads("\n".join(lines))
    except (ValueError, RecursionError):
        return None


def _lines(text: str) -> list[str]:
    # Not `splitlines`: JSON may hold other separators of lines, such as U+2028, inside its texts.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _events(text: str) -> tuple[list[dict[str, Any]], bool]:
    """The JSON objects of a stream, and whether its end was marked."""
    events, ended = [], False
    for data in _data(text):
        if data.strip() == "[DONE]":
            ended = True
            continue
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            # The last one may be cut off; what matters is then whether the stream had ended before.
            continue
        if isinstance(event, dict):
            events.append(event)
    return events, ended


def _data(text: str) -> Iterator[str]:
    """The data of each event: lines "data:", joined up to an empty line; without any, every line that is an object."""
    block: list[str] = []
    for line in [*_lines(text), ""]:
        if line.startswith("data:"):
            block.append(line.removeprefix("data:").removeprefix(" "))
        elif line.startswith("{") and not block:
            yield line
        elif not line.strip() and block:
            yield from _whole_or_lines(block)
            block = []


def _whole_or_lines(block: list[str]) -> list[str]:
    # By the rule, the lines of one event are joined; servers that forget the empty line between events mean one a line.
    whole = "\n".join(block)
    try:
        json.loads(whole)
    except ValueError:
        return block
    return [whole]


def _one(events: list[dict[str, Any]], ended: bool, raw: bytes) -> dict[str, Any]:
    return events[0] if len(events) == 1 and not _is_delta(events[0]) else _joined(events, ended, raw)


def _is_delta(event: dict[str, Any]) -> bool:
    choices = event.get("choices")
    return isinstance(choices, list) and any(isinstance(choice, dict) and "delta" in choice for choice in choices)


def _joined(events: list[dict[str, Any]], ended: bool, raw: bytes) -> dict[str, Any]:
    """One body from the events of a stream.

    Raises:
        TransientFailure: The stream broke off: neither a finish reason nor its end was sent.
    """
    body: dict[str, Any] = {}
    # By index of the choice and name of the field: a server may stream several choices at once.
    texts: dict[int, dict[str, list[Any]]] = {}
    reasons: dict[int, str] = {}
    for event in events:
        body |= {name: value for name, value in event.items() if name != "choices" and value is not None}
        # Servers that stream in Ollama's own form send a message an event, and "done" with the last.
        ended |= event.get("done") is True
        for position, choice in enumerate(_choices(event)):
            index = choice.get("index", position)
            index = index if isinstance(index, int) else position
            # A whole message among deltas, often the last event, repeats what they said.
            if "choices" in event and "delta" not in choice and "message" in choice:
                texts[index] = {}
            fields = texts.setdefault(index, {})
            for name, value in _delta(choice).items():
                if value is not None:
                    fields.setdefault(name, []).append(value)
            if choice.get("finish_reason") and isinstance(choice["finish_reason"], str):
                reasons[index] = choice["finish_reason"]
    if "error" in body and not texts:
        return body
    if not texts:
        raise TransientFailure(f"its stream has no `choices`: {quoted(raw)}")
    if "error" in body or not (ended or reasons):
        raise TransientFailure(f"its stream broke off: {quoted(raw[-_QUOTED_BYTES:])}")
    body["choices"] = [
        {"index": index, "message": _message(fields), "finish_reason": reasons.get(index)}
        for index, fields in sorted(texts.items())
    ]
    body.pop("message", None)
    return body


def _choices(event: dict[str, Any]) -> list[dict[str, Any]]:
    choices = event.get("choices")
    if isinstance(choices, list):
        return [choice for choice in choices if isinstance(choice, dict)]
    return [event] if isinstance(event.get("message"), dict) else []


def _delta(choice: dict[str, Any]) -> dict[str, Any]:
    for name in ("delta", "message"):
        if isinstance(choice.get(name), dict):
            delta: dict[str, Any] = choice[name]
            return delta
    return {"content": choice["text"]} if isinstance(choice.get("text"), str) else {}


def _message(fields: dict[str, list[Any]]) -> dict[str, Any]:
    """The message of a choice from the pieces of its fields: texts and lists are joined, of other values the last."""
    message: dict[str, Any] = {}
    for name, pieces in fields.items():
        if name == "role":
            message[name] = pieces[0]
        elif all(isinstance(piece, str) for piece in pieces):
            message[name] = "".join(pieces)
        elif any(isinstance(piece, list) for piece in pieces):
            message[name] = list(chain.from_iterable(piece if isinstance(piece, list) else [piece] for piece in pieces))
        else:
            message[name] = pieces[-1]
    return message
