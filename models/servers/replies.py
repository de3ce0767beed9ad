"""The body of a chat completion, as servers really send it, parsed into text, usage and finish reason.

A proxy's HTML page with status 200, a body without `choices` or without text are faults that a second try may cure; a
reply that was cut off, filtered, or is the call of a tool would be so again. A body without usable `usage` is a reply
like any other: its tokens are estimated, one for `CHARACTERS_PER_TOKEN` bytes of UTF-8 sent or written, and marked so.
Knows no connection: `openai_chat` sends requests, `stream` joins streams, `wrapping` takes thinking off.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Literal

from models.calls.prompt import CHARACTERS_PER_TOKEN
from models.calls.retry import TransientFailure
from models.calls.structured import excerpt
from models.errors import OutputError
from models.protocols import ChatRequest, FinishReason, Usage
from models.servers.refusals import fault_of, read_error
from models.servers.stream import body_of, quoted
from models.servers.wrapping import strip_wrapping

_TEXT_PARTS = frozenset(["text", "output_text", "input_text", "content", "json", ""])
_LENGTH = frozenset(["length", "max_tokens", "max_output_tokens", "model_length", "max_length"])
_BROKEN = frozenset(["error", "abort", "aborted", "cancelled", "canceled", "insufficient_system_resource"])
"""Finish reasons of a reply that its server did not finish."""
_FILTERED = re.compile(
    r"content.?filter|safety|recitation|blocklist|prohibited|spii|refusal|moderat|sensitive|guardrail|blocked"
)
_Ending = Literal["stop", "length", "filtered", "broken"]


@dataclass(frozen=True, slots=True)
class ServerReply:
    """The reply in the body of one HTTP exchange.

    Attributes:
        text: The answer, without thinking and chat tokens.
        usage: Tokens read and written.
        finish_reason: "length" where the reply was cut off.
    """

    text: str
    usage: Usage
    finish_reason: FinishReason


def error_in(body: bytes) -> tuple[dict[str, Any], int] | None:
    """The error that a server put in a body of status 200, with the HTTP status that it should have had.

    Returns:
        The error and its status: the one that it names, or 400 if its words say whose fault it is; None for any other.
    """
    try:
        value = body_of(body)
    except TransientFailure:
        return None
    found = value.get("error")
    if not isinstance(found, dict) and isinstance(value.get("choices"), list) and value["choices"]:
        first = value["choices"][0]
        found = first.get("error") if isinstance(first, dict) else None
    if isinstance(found, str) and not value.get("choices"):
        found = {"message": found}
    if not isinstance(found, dict):
        return None
    status = status_of(found)
    if status is None and fault_of(read_error(400, found)) != "unclear":
        status = 400
    return None if status is None else (found, status)


def status_of(error: dict[str, Any]) -> int | None:
    """The HTTP status that an error in a body names, None if it names none.

    Example:
        >>> status_of({"code": "403"}), status_of({"code": "busy"})
        (403, None)
    """
    for name in ("code", "status", "status_code", "http_code"):
        number = _count(error.get(name))
        if number is not None and 400 <= number < 600:
            return number
    return None


def parse_reply(body: bytes, request: ChatRequest) -> ServerReply:
    """Parse the body of a chat completion.

    Args:
        body: Body of a response with status 200.
        request: What was asked: under a schema, a cut-off reply cannot be used.
    Raises:
        TransientFailure: Not a chat completion, or an empty one; another try may bring one.
        OutputError: The reply was cut off under a schema, within its thinking or before any text, was filtered, or is
            the call of a tool.
    """
    value = body_of(body)
    message, reason = _message(value, body)
    content = message.get("content")
    written = _text(content)
    ending = _ending(reason, message)
    usage = _usage(value, request, message)
    if ending == "filtered":
        said = _text(message.get("refusal")) or _refusal_part(content) or "filtered by its server"
        raise _rejected(
            f"The model refused to answer ({excerpt(said)}). Change the prompt, or take another model.", usage
        )
    cut = ending == "length"
    if ending == "broken":
        raise TransientFailure(f"it broke its reply off (finish_reason {reason!r})", usage=usage)
    unwrapped = strip_wrapping(_writable(written), cut)
    text = unwrapped.text
    # Half a text is still a text, but half a JSON value is none.
    if cut and (request.schema is not None or not text.strip()):
        within = "within its thinking, " if unwrapped.unfinished or _thought(message) else ""
        raise _rejected(
            f"Expected a finished reply, but it was cut off {within}at max_tokens = {request.max_tokens}, or at the "
            "end of the model's context. Allow more tokens, or give it less to do. "
            f"The reply began: {excerpt(written or _thought(message))}.",
            usage,
        )
    if not text.strip():
        _raise_no_text(message, content, written, unwrapped.unfinished, usage)
    return ServerReply(text, usage, "length" if cut else "stop")


def _raise_no_text(message: dict[str, Any], content: Any, written: str, unfinished: bool, usage: Usage) -> None:
    """Say what came in place of a text.

    Raises:
        OutputError: Something that would come again.
        TransientFailure: Nothing.
    """
    tools = _tools(message)
    if tools:
        raise _rejected(
            f"Expected a text, but the model called a tool ({', '.join(tools[:3])}), and none was offered to it. Turn "
            "tools off at the server, or take another model.",
            usage,
        )
    if unfinished:
        raise _rejected(
            "Expected an answer, but the reply ended within the model's thinking. Turn thinking off at the server, or "
            f"take another model. The reply began: {excerpt(written)}.",
            usage,
        )
    if isinstance(content, list) and content and not written:
        kinds = sorted({str(part.get("type")) for part in content if isinstance(part, dict)})
        raise TransientFailure(
            f"the model replied without a text (its parts: {', '.join(kinds) or 'none'})", empty=True, usage=usage
        )
    thinking = ", with thinking alone" if _thought(message) or written.strip() else ""
    raise TransientFailure(f"the model replied with an empty text{thinking}", empty=True, usage=usage)


def _rejected(reason: str, usage: Usage) -> OutputError:
    return OutputError(reason, usage.tokens_in, usage.tokens_out, estimated=usage.estimated)


def _message(value: dict[str, Any], body: bytes) -> tuple[dict[str, Any], str]:
    """Message and finish reason of the first choice that has a text, or of the first one."""
    choices = value.get("choices")
    if isinstance(choices, dict):
        choices = [choices]
    if not isinstance(choices, list) and isinstance(value.get("message"), dict):
        choices = [{"message": value["message"], "finish_reason": value.get("done_reason")}]
    found = [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    if not found:
        raise TransientFailure(f"its response has no `choices`: {quoted(body)}")
    found.sort(key=_index)
    chosen = next((choice for choice in found if _text(_inner(choice).get("content")).strip()), found[0])
    reason = chosen.get("finish_reason")
    return _inner(chosen), reason.lower() if isinstance(reason, str) else ""


def _index(choice: dict[str, Any]) -> int:
    return _count(choice.get("index")) or 0


def _inner(choice: dict[str, Any]) -> dict[str, Any]:
    """The message of a choice; the older completions have a text in its place."""
    for name in ("message", "delta"):
        inner = choice.get(name)
        if isinstance(inner, dict):
            return inner
        if isinstance(inner, str):
            return {"content": inner}
    return {"content": choice.get("text")}


def _text(content: Any) -> str:
    """The text of a content: itself, its text parts joined (thinking is none), or a JSON value that came parsed."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(map(_part, content))
    if isinstance(content, dict):
        return _part(content) if "type" in content or "text" in content else json.dumps(content, ensure_ascii=False)
    return "" if content is None else json.dumps(content)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if (
        not isinstance(part, dict)
        or str(part.get("type", "")).lower() not in _TEXT_PARTS
        or part.get("thought") is True
    ):
        return ""
    text = part.get("text", part.get("content", part.get("json")))
    if isinstance(text, dict):
        text = text.get("value", text)
    return text if isinstance(text, str) else "" if text is None else json.dumps(text, ensure_ascii=False)


def _refusal_part(content: Any) -> str:
    parts = content if isinstance(content, list) else []
    return next((str(part["refusal"]) for part in parts if isinstance(part, dict) and part.get("refusal")), "")


def _thought(message: dict[str, Any]) -> str:
    """What the model thought, where the server gives it in a field of its own."""
    fields = (message.get(name) for name in ("reasoning_content", "reasoning", "thinking"))
    return next((field for field in fields if isinstance(field, str) and field), "")


def _tools(message: dict[str, Any]) -> list[str]:
    """Names of the tools that a message calls."""
    calls = message.get("tool_calls")
    found = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    functions = [call.get("function", call) for call in found]
    if message.get("function_call"):
        functions.append(message["function_call"])
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    functions += [part for part in parts if isinstance(part, dict) and part.get("type") in ("tool_use", "tool_call")]
    return [str(each.get("name") or "unnamed") if isinstance(each, dict) else str(each) for each in functions]


def _ending(reason: str, message: dict[str, Any]) -> _Ending:
    if _FILTERED.search(reason) or message.get("refusal") or _refusal_part(message.get("content")):
        return "filtered"
    if reason in _BROKEN:
        return "broken"
    return "length" if reason in _LENGTH else "stop"


def _writable(text: str) -> str:
    """A text that every file takes: without NUL, and with the halves of characters joined that a stream cut apart."""
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _usage(value: dict[str, Any], request: ChatRequest, message: dict[str, Any]) -> Usage:
    """Token counts as the server states them, and estimates of those that it does not.

    `cached` comes from OpenAI's field, or from llama.cpp's timings.
    """
    usage = value.get("usage")
    counts = usage if isinstance(usage, dict) else value
    read = _first_count(counts, ("prompt_tokens", "input_tokens", "prompt_eval_count"))
    written = _first_count(counts, ("completion_tokens", "output_tokens", "eval_count"))
    total = _count(counts.get("total_tokens"))
    # A prompt has at least one token; a server that counts none has not counted.
    read = read or None
    text = _text(message.get("content")) or " ".join(_tools(message))
    if written == 0 and (text.strip() or read is None):
        written = None
    if total and read is None and written is not None and total > written:
        read = total - written
    elif total and written is None and read is not None and total > read:
        written = total - read
    estimated = read is None or written is None
    if read is None:
        sent = [turn.content for turn in request.messages]
        schema = [] if request.schema is None else [json.dumps(request.schema)]
        read = _estimate("".join([*sent, *schema]))
    if written is None:
        written = _estimate(text + _thought(message))
    # A cache cannot have held more than was read, whatever a server reports.
    details, timings = counts.get("prompt_tokens_details"), value.get("timings")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    if cached is None and isinstance(timings, dict):
        cached = _count(timings.get("cache_n"))
    return Usage(read, written, min(cached or 0, read), estimated)


def _estimate(text: str) -> int:
    return math.ceil(len(text.encode("utf-8", "replace")) / CHARACTERS_PER_TOKEN)


def _first_count(counts: dict[str, Any], names: tuple[str, ...]) -> int | None:
    found = (_count(counts.get(name)) for name in names)
    return next((number for number in found if number is not None), None)


def _count(value: Any) -> int | None:
    """A number of tokens, also as a text or with a fraction of zero; None if the value is none."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value) if len(value.strip()) < 16 else None
    if isinstance(value, float) and value.is_integer() and 0 <= value < 1e15:
        return int(value)
    # In Python, `True` is an int too.
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15 else None
