"""Why a server refused a request: read from the body of its error, in the many shapes that servers give it.

Decides whose fault a refusal is: the prompt's (filtered, too long), the run's (key, model, account), or unclear: a 400
that says "bad request" may be either. Knows no connection and no parameters: `dialect` learns those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from models.calls.retry import may_pass

Fault = Literal["passing", "run", "prompt", "too long", "unclear"]
"""Whose fault a refusal is, and whether it may pass by itself."""


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.DOTALL)


# Words of many servers, all in lower case.
_TOO_LONG = _any_of(
    r"context.?length|context.?window|context.?size|maximum context",
    r"string_above_max_length|max_prompt|too many tokens",
    r"(?:prompt|inputs?|messages?|request|text|payload|body|entity|content)s? (?:is |are |was |were )?"
    r"(?:token count \S+ )?(?:too (?:long|large|big)|exceeds?)",
    r"exceeds? (?:the |this |its )?(?:model'?s? )?(?:available |maximum |max )*"
    r"(?:context|input|prompt|sequence|token|number of tokens)",
    r"maximum (?:input|prompt|sequence) (?:length|tokens|size)",
    r"reduce (?:the length|your prompt|the (?:prompt|input))",
    r"inputs?['\"`]? (?:tokens|length).{0,60}(?:must|should|<=|exceed|limit|maximum|>)",
    r"inputs?['\"`]? must have (?:less|fewer|at most|no more)",
    r"longer than the (?:model|maximum|context)",
    r"length of the (?:messages|prompt|input)|range of input length",
)
# The limit of a reply's tokens, compared with the context: that is no prompt's fault.
_LIMIT_RANGE = re.compile(
    r"(?<!\+ )(?<!\+ ['\"`])max_\w*tokens['\"`]? (?:must|should) be (?:less|lower|smaller|at most|no more|<|between)"
)
_FILTERED = _any_of(
    r"content.?(?:filter|management|polic)|content_blocked|content exists risk|risk control",
    r"moderation|\bflagged\b|\bsafety\b|\bunsafe\b|harmful|prohibited|inappropriate|(?<!case[ -])sensitive",
    r"data_?inspection|responsible.?ai|jailbreak|guardrail|usage polic|violat\w+ (?:our|the|of|a|one)",
    r"(?:prompt|input|content|request|message)s? (?:was|were|has been|is|are)?\s?"
    r"(?:blocked|rejected by (?:our|the) (?:content|safety|filter))",
)
_KEY = _any_of(
    r"api.?key (?:not |is not |is |was )?(?:valid|invalid|incorrect|expired|missing|required|wrong)",
    r"(?:invalid|incorrect|wrong|missing|expired|no|unknown) api.?key|api_key_invalid|invalid_api_key",
    r"unauthori[sz]ed|authenticat|invalid token|invalid credentials|forbidden for (?:this|your) key",
)
_ACCOUNT = _any_of(
    r"insufficient.{0,3}(?:quota|balance|credit|fund)|credit balance|billing|payment|arrear|out of credits",
    r"account.{0,20}(?:suspend|deactivat|disabled|not active)|exceeded your current quota|spending limit",
    r"budget.{0,20}exceeded|(?:exceeded|out of).{0,20}budget|organi[sz]ation (?:has been|is) (?:restricted|disabled)",
    r"(?:country|region|location).{0,30}not supported|not supported in your|unsupported_country",
)
_WAIT = re.compile(
    r"\brate\b|rate_limit|retry (?:in|after)|try again (?:in|later)|(?:per|requests a|tokens a) (?:minute|day)"
)
_MODEL = _any_of(
    r"model_not_found|model_not_exist|invalid.?model\b(?! (?:parameter|setting|argument))",
    r"(?:unknown|no such|unsupported) model\b(?! (?:parameter|setting|argument))",
    r"\bmodel\b[:=]? ?['\"`]?[\w./:@-]*['\"`]? ?(?:is |was |does |could |has )?"
    r"(?:not (?:found|exist|loaded|be found|available)|unknown|been (?:deprecated|removed|decommissioned))",
    r"no model (?:named|called|with|loaded)",
)
WRITTEN_WRONG = re.compile(r"json_validate_failed|failed to (?:generate|validate) json|failed_generation")
"""What a server says that checks the model's JSON itself: it says nothing about what the server takes."""
_QUOTED_WORDS = 4
"""Number of words in a row that an error and a prompt have in common only if one quotes the other."""
_ECHOES = frozenset(["input", "body", "request", "messages", "prompt", "failed_generation", "flagged_input", "ctx"])
_ALWAYS_RUN = frozenset([401, 402, 407])
_ENDPOINT = frozenset([404, 405, 410])


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error as a server states it.

    Attributes:
        status: HTTP status.
        message: The server's own words.
        named: Parameters that it names in fields of their own, `param` and `loc`; in lower case.
        text: Everything it says, in lower case.
    """

    status: int
    message: str
    named: tuple[str, ...]
    text: str


def read_error(status: int, body: object) -> ServerError:
    """Read the body of an error, whatever shape it has: OpenAI's, pydantic's, a text, one inside another.

    Example:
        >>> read_error(422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs"}]}).named
        ('body', 'seed')
    """
    nodes = list(_nodes(body))
    text = "\n".join(_words(_parsed(body)))
    return ServerError(status, _message(body, nodes), tuple(_named(nodes)), text.lower())


def without_quotes(error: ServerError, prompt: str) -> ServerError:
    """An error without the words that it quotes of a prompt, which say nothing about what the server takes.

    Example:
        >>> without_quotes(read_error(400, "No: 'the seed is not allowed here'"), "The seed is not allowed here.").text
        "no: '     '"
    """
    words = list(re.finditer(r"\w+", error.text))
    prompt_words = re.findall(r"\w+", prompt.lower())
    runs = {tuple(prompt_words[at : at + _QUOTED_WORDS]) for at in range(len(prompt_words) - _QUOTED_WORDS + 1)}
    text, position = "", 0
    for at in range(len(words) - _QUOTED_WORDS + 1):
        run = words[at : at + _QUOTED_WORDS]
        if tuple(word[0] for word in run) in runs:
            for word in run:
                text += error.text[position : word.start()]
                position = max(position, word.end())
    return replace(error, text=text + error.text[position:])


def fault_of(error: ServerError) -> Fault:
    """Whose fault a refusal is.

    Example:
        >>> fault_of(read_error(400, {"error": {"message": "Blocked", "code": "content_filter"}}))
        'prompt'
        >>> fault_of(read_error(400, {"error": {"message": "Bad request"}})), fault_of(read_error(503, "busy"))
        ('unclear', 'passing')
    """
    status, text = error.status, error.text
    if status in _ALWAYS_RUN:
        return "run"
    if status == 429:
        # A prompt above the limit of a whole minute never passes; a used-up quota does not come back by waiting.
        if "request too large" in text:
            return "too long"
        return "run" if _ACCOUNT.search(text) and not _WAIT.search(text) else "passing"
    if status == 413:
        return "too long"
    if status not in _ENDPOINT and status != 501:
        # Before the account and the key: a filter's message may speak of the terms of an account.
        if _TOO_LONG.search(text) and not _LIMIT_RANGE.search(text):
            return "too long"
        if _FILTERED.search(text) or WRITTEN_WRONG.search(text):
            return "prompt"
    if may_pass(status):
        return "passing"
    if _KEY.search(text) or _ACCOUNT.search(text) or (status in (400, 422) and _MODEL.search(text)):
        return "run"
    if status in _ENDPOINT:
        # A router answers so where no server behind it takes all the parameters.
        return "unclear" if "parameter" in text else "run"
    return "unclear" if status in (400, 403, 406, 415, 422, 451) else "run"


def _parsed(value: object) -> object:
    """A text that is JSON as its value; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _words(value: object) -> Iterator[str]:
    """Every name and text of a body, but for what it echoes of the request: that is the prompt's word, not its own."""
    value = _parsed(value)
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            if name not in _ECHOES:
                yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


def _nodes(value: object) -> Iterator[dict[str, Any]]:
    """Every mapping inside a body, the outer ones first; also those inside a text that is JSON."""
    value = _parsed(value)
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)


def _message(body: object, nodes: list[dict[str, Any]]) -> str:
    for node in nodes:
        for name in ("message", "msg", "detail", "error", "reason", "title"):
            if isinstance(node.get(name), str) and node[name].strip():
                return str(node[name])
    return str(body or "")


def _named(nodes: list[dict[str, Any]]) -> Iterator[str]:
    for node in nodes:
        for name in ("param", "parameter", "field", "argument"):
            if isinstance(node.get(name), str):
                yield node[name].lower()
        for name in ("loc", "path", "params", "parameters"):
            if isinstance(node.get(name), list):
                yield from (part.lower() for part in node[name] if isinstance(part, str))
