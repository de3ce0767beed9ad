"""The body of a chat completion, as servers really send it, parsed into text, usage and finish reason.

A proxy's HTML page with status 200, a body without `choices`, without `usage` or without text are faults that a second
try may cure; a reply that was cut off or filtered would be so again. Knows no connection: `openai_chat` sends requests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from models.calls.retry import TransientFailure
from models.calls.structured import excerpt
from models.errors import OutputError
from models.protocols import FinishReason, Usage


@dataclass(frozen=True, slots=True)
class ServerReply:
    """The reply in the body of one HTTP exchange."""

    text: str
    usage: Usage
    finish_reason: FinishReason


def parse_reply(body: bytes, max_tokens: int, structured: bool) -> ServerReply:
    """Parse the body of a chat completion.

    Args:
        body: Body of a response with status 200.
        max_tokens: The limit that the request set, for the message.
        structured: Whether the request had a schema, so that a cut-off reply cannot be used.
    Raises:
        TransientFailure: Not a chat completion, or an empty one; another try may bring one.
        OutputError: The reply was cut off under a schema, or before any text, or was filtered.
    """
    value = _json(body)
    choice = _first_choice(value, body)
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    text = content if isinstance(content, str) else ""
    usage = _usage(value, body)
    reason = choice.get("finish_reason")
    refused = message.get("refusal") if isinstance(message, dict) else None
    if reason == "content_filter" or refused:
        raise OutputError(
            f"The model refused to answer ({excerpt(str(refused or 'filtered by its server'))}). "
            "Change the prompt, or take another model.",
            usage.tokens_in,
            usage.tokens_out,
        )
    # Half a text is still a text, but half a JSON value is none.
    cut = reason == "length"
    if cut and (structured or not text.strip()):
        raise OutputError(
            f"Expected a finished reply, but it was cut off at max_tokens = {max_tokens}, or at the end of the "
            f"model's context. Allow more tokens, or give it less to do. The reply began: {excerpt(text)}.",
            usage.tokens_in,
            usage.tokens_out,
        )
    if not text.strip():
        raise TransientFailure("the model replied with an empty text", empty=True)
    return ServerReply(text, usage, "length" if cut else "stop")


def _json(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise TransientFailure("it answered HTTP 200 with an empty body")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise TransientFailure(f"it answered HTTP 200 with something other than JSON: {_quoted(body)}") from error
    if not isinstance(value, dict):
        raise TransientFailure(f"it answered HTTP 200 with JSON that is no chat completion: {_quoted(body)}")
    return value


def _first_choice(value: dict[str, Any], body: bytes) -> dict[str, Any]:
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise TransientFailure(f"its response has no `choices`: {_quoted(body)}")
    return choices[0]


def _usage(value: dict[str, Any], body: bytes) -> Usage:
    """Token counts; `cached` from OpenAI's field, or from llama.cpp's timings."""
    usage = value.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    read, written = _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))
    if read is None or written is None:
        raise TransientFailure(
            f"its response has no `usage` with token counts, so its cost is unknown: {_quoted(body)}"
        )
    # A cache cannot have held more than was read, whatever a server reports.
    details, timings = counts.get("prompt_tokens_details"), value.get("timings")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    if cached is None and isinstance(timings, dict):
        cached = _count(timings.get("cache_n"))
    return Usage(read, written, min(cached or 0, read))


def _count(value: Any) -> int | None:
    """A token count, None if the value is not one; in Python, `True` is an int too."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _quoted(body: bytes) -> str:
    return excerpt(body[:2000].decode("utf-8", "replace"))
