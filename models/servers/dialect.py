"""What of a request a server takes, and what it taught by refusing the rest.

A hosted model may refuse any parameter: a temperature other than its own, a seed, a schema, the name of the limit of
tokens. Its refusal names the parameter, and `Dialect.after` gives the dialect without it; several are learnt in turn.
Every lesson gives something up for good, so the number of lessons is bounded. Knows no connection.

    dialect = Dialect()
    dialect = dialect.after(read_error(400, {"error": {"param": "seed"}}), dialect.body("m", request)) or dialect
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

from models.protocols import ChatRequest, Message
from models.servers.refusals import WRITTEN_WRONG, ServerError

Form = Literal["schema", "json", "prompt"]
"""How a server is told the form of a reply: by the schema, by JSON mode and the prompt, by the prompt alone."""
LIMITS = ("max_tokens", "max_completion_tokens")
"""The names of the limit of tokens: newer hosted models take only the second one, older servers only the first."""
_LIMIT_NAMES = (*LIMITS, "max_new_tokens", "max_output_tokens")
"""What servers call it in messages."""
TAUGHT = frozenset([400, 404, 415, 422, 500, 501])
"""HTTP statuses that may name a parameter."""
_LEAST_TEMPERATURE = 0.01
"""In place of 0 where a server wants more than that; as good as greedy."""

_REFUSING = (
    r"unsupported|not support|n't support|unavailable|not available|unknown|unrecogni[sz]ed|unexpected|extra"
    r"|not permitted"
    r"|not allowed|forbidden|disallowed|invalid|deprecated|removed|cannot|can't|must|only|not recogni[sz]ed|not accept"
    r"|not implemented|not enabled|no longer|instead|not valid|disabled|does not exist|not compatible|incompatible"
    r"|should be|required to be|remove|not take|not understand|no such|out of range|not an? |illegal|fixed|not possible"
    r"|failed to (?:compile|parse)|could not compile|unable to generate|ignored|refus|reject|without|at most"
    r"|too (?:large|high|big|low|small)|maximum"
)
_ABOUT = r"parameters?|arguments?|fields?|options?|values?|support|supports|unsupported|settings?|property|keys?"
_SAYING = r"parameter|is|are|must|cannot|can|does|do|has|should|unsupported|unavailable|values?|isn't|deprecated|not"
_IS_REFUSING = re.compile(_REFUSING)
_ABOVE_ZERO = re.compile(
    r"strictly positive|greater than 0(?!\.)|> ?0(?:\.0+)?\b|must be positive|larger than 0|above 0"
)
_AT_MOST = re.compile(
    r"(?:at most|<=|≤|less than or equal to|maximum(?: value)?(?: is| of|:)?|up to|no more than|not exceed"
    r"|limit(?: is| of)|range .{0,40}\[\d+,|: ?\d+ >)(?:(?!context)\D){0,20}(\d+)"
)
_SYSTEM = re.compile(
    r"system.{0,3} (?:role|message|prompt|instruction)s?.{0,40}(?:not|n't|unsupported)"
    r"|(?:not|n't|unsupported).{0,40}(?:['\"`]system['\"`]|system (?:role|message|prompt))"
    r"|developer instruction is not enabled|roles must alternate|only user and assistant"
    r"|(?:unknown|invalid|unexpected) role:? .{0,3}system"
)
_STREAM = re.compile(
    r"stream\S* (?:must|has to|needs to|should|is required)|only (?:supports? |be used with |available (?:with|in) )?"
    r"(?:the )?stream|streaming(?: mode)? (?:is )?(?:only|required|mandatory)|stream ?[=:] ?true|non-?stream\w*"
    r"|enable streaming|set [`'\"]?stream|requires? stream"
)
# Other words for the form of a reply, from servers that enforce it.
_FORM_WORDS = re.compile(
    r"response_?format|json_?schema|json_object|structured.?outputs?|json.?mode|guided.?(?:json|decoding|grammar)|grammar"
    r"|\bschema\b|output_?format"
)
_STRICT = re.compile(r"['\"`.]strict\b|\bstrict['\"`]|strict (?:mode|parameter|schema|is)|json_schema\.strict")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What of a request is sent, and under which names.

    Attributes:
        omitted: Parameters that are left out: "temperature", "seed", "max_tokens", "strict", "system",
            "stream_options".
        form: How the form of a reply is told.
        limit: Name of the limit of tokens.
        max_limit: Highest limit of tokens that the server takes; None if it named none.
        least_temperature: What is sent in place of a temperature of 0.
        stream: Whether replies are asked for as streams.
    """

    omitted: frozenset[str] = frozenset()
    form: Form = "schema"
    limit: str = LIMITS[0]
    max_limit: int | None = None
    least_temperature: float = 0.0
    stream: bool = False

    def body(self, model: str, request: ChatRequest) -> dict[str, Any]:
        """The body of a request, as this dialect puts it."""
        # Temperature and seed are sent where they may be: a server's own defaults would not be reproducible.
        body: dict[str, Any] = {"model": model, "messages": self._messages(request)}
        if "max_tokens" not in self.omitted:
            body[self.limit] = min(request.max_tokens, self.max_limit or request.max_tokens)
        if "temperature" not in self.omitted:
            body["temperature"] = max(request.temperature, self.least_temperature)
        if "seed" not in self.omitted:
            body["seed"] = request.seed
        if request.schema is not None and self.form != "prompt":
            body["response_format"] = self._response_format(request.schema)
        if self.stream:
            body["stream"] = True
            if "stream_options" not in self.omitted:
                body["stream_options"] = {"include_usage": True}
        return body

    def after(self, error: ServerError, sent: dict[str, Any]) -> Dialect | None:
        """The dialect without what a refusal names, None where it names nothing that could be given up.

        Args:
            error: The refusal.
            sent: The body that was refused, of this dialect.
        """
        if error.status not in TAUGHT or WRITTEN_WRONG.search(error.text):
            return None
        # A server that failed (5xx) has to be plain about a parameter, or every outage would be a lesson.
        plain = error.status not in (500, 501) or "unexpected keyword" in error.text or "unsupported" in error.text
        if not plain:
            return None
        for name in _at_fault(error, sent):
            taught = self._without(name, error, sent)
            if taught is not None:
                return taught
        return None

    def fallbacks(self, structured: bool) -> Iterator[Dialect]:
        """Ever plainer dialects, for a server that refuses everything and names nothing."""
        # Nothing of the request is lost with the system's role, so that is given up first and last, and not between.
        dialect = self
        without_role = replace(self, omitted=self.omitted | {"system"})
        if without_role != self:
            yield without_role
        if structured:
            for form in _FORMS[_FORMS.index(self.form) + 1 :]:
                dialect = replace(dialect, form=form)
                yield dialect
        for name in ("seed", "temperature"):
            if name not in dialect.omitted:
                dialect = replace(dialect, omitted=dialect.omitted | {name})
                yield dialect
        if "max_tokens" not in dialect.omitted:
            if dialect.limit == LIMITS[0]:
                yield replace(dialect, limit=LIMITS[1])
            dialect = replace(dialect, omitted=dialect.omitted | {"max_tokens"})
            yield dialect
        if without_role != self:
            yield replace(dialect, omitted=dialect.omitted | {"system"})

    def changes(self, before: Dialect) -> str:
        """What this dialect gave up since another one, as a clause for a person; "" if nothing."""
        dropped = sorted(self.omitted - before.omitted)
        parts = [f"{name} is left out" for name in dropped if name != "system"]
        if "system" in dropped:
            parts.append("the system message is put into the user's")
        if self.form != before.form:
            how = "with JSON mode" if self.form == "json" else "without a response format"
            parts.append(f"the schema is put into the prompt, {how}")
        if self.limit != before.limit:
            parts.append(f"the limit of tokens is sent as {self.limit}")
        if self.max_limit != before.max_limit:
            parts.append(f"at most {self.max_limit} tokens are asked for")
        if self.least_temperature != before.least_temperature:
            parts.append(f"temperature 0 is sent as {self.least_temperature:g}")
        if self.stream != before.stream:
            parts.append("replies are asked for as streams")
        return ", ".join(parts)

    def setting(self, before: Dialect) -> str:
        """Lines of a model's YAML that say from the start what was given up since another dialect; "" if none can."""
        lines = []
        told = sorted((self.omitted - before.omitted) - {"stream_options"})
        if told:
            lines.append(f"omit: [{', '.join(sorted(self.omitted - {'stream_options'}))}]")
        if self.form != before.form:
            lines.append(f"structured: {self.form}")
        if self.stream != before.stream:
            lines.append("stream: true")
        return " and ".join(lines)

    def _without(self, name: str, error: ServerError, sent: dict[str, Any]) -> Dialect | None:
        if name == "response_format":
            return self._plainer_form(error, sent)
        if name == "limit":
            return self._other_limit(error, sent)
        if name == "stream":
            return None if self.stream else replace(self, stream=True)
        if name == "temperature" and self.least_temperature == 0 and _ABOVE_ZERO.search(error.text):
            return replace(self, least_temperature=_LEAST_TEMPERATURE)
        return None if name in self.omitted else replace(self, omitted=self.omitted | {name})

    def _plainer_form(self, error: ServerError, sent: dict[str, Any]) -> Dialect | None:
        described = sent.get("response_format", {}).get("json_schema", {})
        if _STRICT.search(error.text) and described.get("strict") and "strict" not in self.omitted:
            return replace(self, omitted=self.omitted | {"strict"})
        position = _FORMS.index(self.form)
        return None if position + 1 == len(_FORMS) else replace(self, form=_FORMS[position + 1])

    def _other_limit(self, error: ServerError, sent: dict[str, Any]) -> Dialect | None:
        asked = sent.get(self.limit)
        # The limit's name is as good as any; its value is not.
        highest = _AT_MOST.search(error.text)
        if highest and isinstance(asked, int) and 0 < int(highest[1]) < asked:
            return replace(self, max_limit=int(highest[1]))
        if self.limit == LIMITS[0]:
            return replace(self, limit=LIMITS[1])
        return replace(self, omitted=self.omitted | {"max_tokens"})

    def _response_format(self, schema: dict[str, Any]) -> dict[str, Any]:
        if self.form == "json":
            return {"type": "json_object"}
        described: dict[str, Any] = {"name": "answer", "schema": schema}
        if "strict" not in self.omitted:
            described["strict"] = is_closed(schema)
        return {"type": "json_schema", "json_schema": described}

    def _messages(self, request: ChatRequest) -> list[dict[str, str]]:
        messages = list(request.messages)
        if request.schema is not None and self.form != "schema":
            messages = _with_schema(messages, request.schema)
        if "system" in self.omitted:
            messages = _without_system(messages)
        return [{"role": message.role, "content": message.content} for message in messages]


_FORMS: tuple[Form, ...] = ("schema", "json", "prompt")


def _at_fault(error: ServerError, sent: dict[str, Any]) -> Iterator[str]:
    """What a refusal names of what was sent: "response_format", "limit", or an omittable name; the surest first."""
    # A path such as "response_format.json_schema.strict" names its first part.
    paths = {part for path in error.named for part in re.split(r"[.\[\]/]+", path) if part}
    text = error.text
    refusing = bool(_IS_REFUSING.search(text))
    if "stream_options" in sent and ("stream_options" in paths or "stream_options" in text):
        yield "stream_options"
    if not sent.get("stream") and _STREAM.search(text):
        yield "stream"
    if any(turn["role"] == "system" for turn in sent["messages"]) and _SYSTEM.search(text):
        yield "system"
    for name in ("temperature", "seed"):
        if name in sent and (name in paths or (refusing and _mentions(text, name))):
            yield name
    limit = next((name for name in LIMITS if name in sent), None)
    if limit and (limit in paths or (refusing and any(_mentions(text, name) for name in _LIMIT_NAMES))):
        yield "limit"
    in_words = refusing and (_FORM_WORDS.search(text) or _STRICT.search(text))
    if "response_format" in sent and (in_words or paths & {"response_format", "json_schema", "strict", "schema"}):
        yield "response_format"


def _mentions(text: str, name: str) -> bool:
    """Whether a message speaks of a parameter and not, in plain English, of the temperature of some water."""
    if "_" in name:
        return name in text
    quoted = rf"['\"`\\]{name}\\?['\"`]|\b{name} ?[=:]"
    before = rf"(?:{_ABOUT})(?:\W+(?:\w+\W+){{0,3}}|[^.:;\n]{{0,60}}: ){name}\b"
    after = rf"\b{name}\W+(?:\w+\W+){{0,3}}?(?:{_SAYING})\b"
    return bool(re.search(f"{quoted}|{before}|{after}", text))


def _with_schema(messages: list[Message], schema: dict[str, Any]) -> list[Message]:
    """The conversation with its last message followed by the form of the reply."""
    form = _json_prompt().replace("{schema}", json.dumps(schema, ensure_ascii=False)).strip()
    last = messages[-1]
    return [*messages[:-1], Message(last.role, f"{last.content}\n\n{form}")]


@cache
def _json_prompt() -> str:
    return resources.files("configs").joinpath("prompts", "json.md").read_text(encoding="utf-8")


def _without_system(messages: list[Message]) -> list[Message]:
    """The conversation with its system messages at the head of the next message of the user."""
    pending, turns = [], []
    for message in messages:
        if message.role == "system":
            pending.append(message.content)
        elif message.role == "user" and pending:
            turns.append(Message("user", "\n\n".join([*pending, message.content])))
            pending = []
        else:
            turns.append(message)
    return [*turns, Message("user", "\n\n".join(pending))] if pending else turns


def is_closed(schema: Any) -> bool:
    """Whether every object of a schema lists all its fields as required and allows no others.

    Hosted servers take `strict` for such schemas only, and guarantee the form for these only.

    Example:
        >>> is_closed({"type": "object", "properties": {}, "required": [], "additionalProperties": False})
        True
    """
    if isinstance(schema, list):
        return all(map(is_closed, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        names = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or names != set(schema.get("required", [])):
            return False
    return all(map(is_closed, schema.values()))
