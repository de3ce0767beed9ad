"""A model server that refuses and garbles at random, in every way that `models.servers` knows: the same for each seed.

Every prompt has a fate, drawn from its text: some faults that pass, and then a good reply, wrapped in some way, or a
fault that stays. `good` counts the good replies to each prompt, which are what a user pays for.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.models.faulty_server import (
    USAGE,
    Behaviour,
    Handler,
    answer,
    completion,
    raw,
    refusing,
    reset,
    sent_as,
    status,
    streamed,
    truncated,
)

Reply = Callable[[str], Behaviour]


def _message(content: Any, **fields: Any) -> Behaviour:
    return answer(None, choices=[{"index": 0, "message": {"content": content, **fields}, "finish_reason": "stop"}])


PASSING: tuple[Behaviour, ...] = (
    status(503, "busy"),
    status(429, "slow down"),
    status(500, "oops"),
    reset,
    truncated(completion("half a")),
    raw(b""),
    raw(b"<html>Bad gateway</html>"),
    raw(b'{"error": {"code": 502, "message": "upstream"}}'),
    raw(streamed("half", finish=None, done=False)),
    answer(""),
    answer(None, choices=[]),
)
LASTING: tuple[Behaviour, ...] = (
    status(400, "The prompt was filtered", code_name="content_filter"),
    status(400, "maximum context length is 10 tokens"),
    refusing(403, {"error": {"message": "Your input was flagged"}}),
    refusing(422, {"detail": "Unprocessable"}),
    status(413, "Payload too large"),
    status(400, "Bad request"),
    raw(b'{"error": {"code": 403, "message": "moderation"}}'),
    answer(None, finish="content_filter"),
    _message(None, refusal="I cannot."),
    _message(None, tool_calls=[{"function": {"name": "f", "arguments": "{}"}}]),
    answer("<think>\nWell", finish="length"),
    answer('{"half', finish="length"),
    answer("No JSON at all."),
)
WRAPPED: tuple[Reply, ...] = (
    answer,
    lambda text: answer(f"<think>\nLet me see. <think>\n</think>\n\n{text}<|im_end|>"),
    lambda text: answer(f"I think so.\n</think>\n{text}"),
    lambda text: answer(f"<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>{text}"),
    lambda text: answer(f"```json\n{text}\n```"),
    lambda text: answer(f"{text}</s>", usage=None),
    lambda text: answer(text, usage={"prompt_tokens": "12"}),
    lambda text: _message([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}]),
    lambda text: _message(json.loads(text)),
    lambda text: raw(streamed(text[:5], text[5:])),
    lambda text: raw(b": wait\n\n" + completion(text)),
    lambda text: raw(b"\xef\xbb\xbf\n" + completion(text)),
    lambda text: sent_as(gzip.compress(completion(text)), {"content-encoding": "gzip"}),
    lambda text: answer(None, choices=[{"text": text, "finish_reason": "stop"}], usage=USAGE),
)
REFUSED: tuple[tuple[str, Behaviour], ...] = (
    ("temperature", refusing(400, {"error": {"message": "no", "param": "temperature"}})),
    ("seed", refusing(422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]})),
    ("response_format", refusing(400, {"error": {"message": "This response_format type is unavailable now"}})),
)


class Chaos:
    """The behaviour of the server, to be played for every request.

    Attributes:
        good: Number of good replies, by prompt.
        calls: Number of requests.
    """

    def __init__(self, seed: int, name_of: Callable[[str], str], reply: Callable[[str], str]) -> None:
        """Set up.

        Args:
            seed: Of every fate.
            name_of: The name of a prompt, from the text of its request.
            reply: The good reply to a request of that text.
        """
        self.good: Counter[str] = Counter()
        self.calls = 0
        self._seed, self._name_of, self._reply = seed, name_of, reply
        self._turns: Counter[str] = Counter()
        self._lock = threading.Lock()

    def fate(self, name: str) -> tuple[list[Behaviour], Behaviour | None, Reply]:
        """Faults that pass, the fault that stays or None, and how a good reply is wrapped."""
        chance = random.Random(f"{self._seed} {name}")
        passing = chance.choices(PASSING, k=chance.choice((0, 0, 0, 1, 1, 2)))
        lasting = chance.choice(LASTING) if chance.random() < 0.25 else None
        return passing, lasting, chance.choice(WRAPPED)

    def __call__(self, handler: Handler) -> None:
        text = "\n".join(turn["content"] for turn in handler.asked["messages"])
        for parameter, refusal in REFUSED:
            if parameter in handler.asked:
                refusal(handler)
                return
        name = self._name_of(text)
        with self._lock:
            self.calls += 1
            turn = self._turns[name]
            self._turns[name] += 1
        passing, lasting, wrapped = self.fate(name) if name else ([], None, answer)
        if turn < len(passing):
            passing[turn](handler)
        elif lasting is not None:
            lasting(handler)
        else:
            wrapped(self._reply(text))(handler)
            with self._lock:
                self.good[name] += 1


def number_in(pattern: str) -> Callable[[str], str]:
    """Names a prompt by the first group of a pattern, "" where it does not match."""
    compiled = re.compile(pattern)

    def name_of(text: str) -> str:
        match = compiled.search(text)
        return match[1] if match else ""

    return name_of
