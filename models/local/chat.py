"""A chat model in this process: a causal language model of transformers, adapters included.

Greedy calls of several threads run as one batch, which is several times faster than one by one; padding may change the
last bits of a sum, so a reply made in a batch need not equal the one made alone. There is no constrained decoding: the
prompt states the JSON schema of the reply (`configs/prompts/json.md`), and the reply is checked afterwards; one that
breaks the schema is an error, never a guess.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from models.calls.structured import parse_fitting
from models.config import Price
from models.errors import ModelError, OutputError
from models.files.digest import digest
from models.local.batching import Batcher
from models.local.causal import CausalModel, chat_ids, end_tokens
from models.local.marginal import write_marginal
from models.protocols import ChatRequest, Completion, FinishReason, MarginalMethod, Message, Usage

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class _GenerationInput:
    """A conversation in tokens, and how the reply to it is written.

    Attributes:
        ids: Token ids of the conversation under the chat template.
        room: Maximum number of tokens to write.
        temperature: Temperature of the sampler; 0 is greedy.
        seed: Seed of the sampler.
    """

    ids: list[int]
    room: int
    temperature: float
    seed: int


class TransformersChat:
    """`ChatModel` over a causal language model in this process."""

    def __init__(
        self, causal: CausalModel, price: Price | None = None, parallel: int = 1, trained_for: str = ""
    ) -> None:
        """Chat with a loaded model.

        Args:
            causal: The model, with its adapter if it has one.
            price: For the ledger; None is free of charge.
            parallel: Maximum number of greedy calls in a batch.
            trained_for: Task that the adapter was trained for, or ""; such a model knows the form of its reply, so no
                schema is shown to it.
        Raises:
            ModelError: The tokeniser has no chat template.
        """
        if not causal.tokenizer.chat_template:
            raise ModelError(
                f"{causal.name} has no chat template, so it cannot hold a conversation. Use an instruct model, "
                "or put its chat_template.jinja in the weights' folder."
            )
        self.name = causal.name
        self.price = price or Price()
        self._causal: CausalModel | None = causal
        self._together = Batcher(self._generate, parallel)
        self._json_prompt = resources.files("configs").joinpath("prompts", "json.md").read_text(encoding="utf-8")
        self.trained_for = trained_for
        json_prompt = "" if trained_for else self._json_prompt
        self._digest = digest("chat-1", causal.digest, causal.tokenizer.chat_template, json_prompt)

    @property
    def digest(self) -> str:
        """Names weights, number format, adapter, chat template and the prompt for JSON."""
        return self._digest

    def complete(self, request: ChatRequest) -> Completion:
        """Reply to a request.

        Raises:
            OutputError: The conversation is longer than the model's context, or the reply is empty, cut off under a
                schema, or breaks the schema.
        """
        causal = self._loaded()
        started = time.perf_counter()
        ids = self._inputs(causal, request)
        room = self._room(causal, len(ids), request.max_tokens)
        prompt = _GenerationInput(ids, room, request.temperature, request.seed)
        # A sampled reply must not depend on what else is in its batch, so it is made alone.
        written = self._generate([prompt])[0] if request.temperature > 0 else self._together(prompt)
        text = causal.tokenizer.decode(written, skip_special_tokens=True).strip()
        # The end token is written too, so its absence means that the reply was cut off.
        finish: FinishReason = "stop" if set(written[-1:]) & end_tokens(causal) else "length"
        try:
            parsed, surplus = self._check(text, finish, request, room)
        except OutputError as error:
            error.tokens_in, error.tokens_out = len(ids), len(written)
            raise
        seconds = time.perf_counter() - started
        return Completion(text, Usage(len(ids), len(written)), finish, seconds, parsed, surplus=surplus)

    def complete_marginal(
        self, requests: Sequence[ChatRequest], log_weights: Sequence[float], method: MarginalMethod
    ) -> Completion:
        """See `models.protocols.MarginalChat`; decoding is greedy."""
        causal = self._loaded()
        started = time.perf_counter()
        prompts = [self._inputs(causal, replace(request, schema=None)) for request in requests]
        room = self._room(causal, max(map(len, prompts), default=0), requests[0].max_tokens if requests else 1)
        written = write_marginal(causal, prompts, log_weights, method, room)
        text = causal.tokenizer.decode(written, skip_special_tokens=True).strip()
        if not text:
            raise self._empty()
        finish: FinishReason = "stop" if set(written[-1:]) & end_tokens(causal) else "length"
        return Completion(text, Usage(sum(map(len, prompts)), len(written)), finish, time.perf_counter() - started)

    def _generate(self, prompts: Sequence[_GenerationInput]) -> list[list[int]]:
        causal = self._loaded()
        with causal.lock:
            return _generate(causal, prompts)

    def close(self) -> None:
        """Release the weights; they are freed when nothing else uses them."""
        self._causal = None

    def _empty(self) -> OutputError:
        return OutputError(f"{self.name} replied with an empty text. Change the prompt, or take a stronger model.")

    def _loaded(self) -> CausalModel:
        if self._causal is None:
            raise ModelError(f"The chat model {self.name} is closed. Open it again.")
        return self._causal

    def _inputs(self, causal: CausalModel, request: ChatRequest) -> list[int]:
        """Token ids of the conversation under the model's chat template."""
        messages = list(request.messages)
        if request.schema is not None and not self.trained_for:
            form = self._json_prompt.replace("{schema}", json.dumps(request.schema, ensure_ascii=False))
            last = messages[-1]
            messages[-1] = Message(last.role, f"{last.content}\n\n{form.strip()}")
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return chat_ids(causal.tokenizer, turns)

    def _room(self, causal: CausalModel, prompt_tokens: int, max_tokens: int) -> int:
        """Maximum number of tokens to write after a conversation of so many tokens."""
        if causal.context_tokens is None:
            return max_tokens
        room = min(max_tokens, causal.context_tokens - prompt_tokens)
        if room < 1:
            raise OutputError(
                f"{self.name} has a context of {causal.context_tokens} tokens, and the conversation alone has "
                f"{prompt_tokens}. Give less context (retrieve fewer passages, or a smaller token budget)."
            )
        return room

    def _check(self, text: str, finish: FinishReason, request: ChatRequest, room: int) -> tuple[Any, int]:
        if not text:
            raise self._empty()
        if request.schema is None:
            return None, 0
        if finish == "length":
            raise OutputError(
                f"Expected a finished reply of {self.name}, but it was cut off after {room} tokens, within its JSON. "
                "Allow more tokens."
            )
        return parse_fitting(text, request.schema)


def _generate(causal: CausalModel, prompts: Sequence[_GenerationInput]) -> list[list[int]]:
    """Token ids of each reply, its end token included; prompts are padded on the left to one length."""
    import torch
    from transformers import GenerationConfig

    first = prompts[0]
    sampled = first.temperature > 0
    padding = causal.tokenizer.pad_token_id
    padding = causal.tokenizer.eos_token_id if padding is None else padding
    longest = max(len(prompt.ids) for prompt in prompts)
    # On the left, since generation continues at the right end of every row.
    rows = [[padding] * (longest - len(prompt.ids)) + prompt.ids for prompt in prompts]
    mask = [[0] * (longest - len(prompt.ids)) + [1] * len(prompt.ids) for prompt in prompts]
    device = causal.model.device
    # Not derived from the model's own settings, which may hold a repetition penalty or a temperature.
    settings = GenerationConfig(
        max_new_tokens=max(prompt.room for prompt in prompts),
        do_sample=sampled,
        temperature=first.temperature if sampled else None,
        eos_token_id=sorted(end_tokens(causal)),
        pad_token_id=padding,
        bos_token_id=causal.tokenizer.bos_token_id,
    )
    # The seed must not disturb the random numbers of the program around it.
    with torch.inference_mode(), torch.random.fork_rng(enabled=sampled):
        if sampled:
            torch.manual_seed(first.seed)
        output: torch.Tensor = causal.model.generate(
            input_ids=torch.tensor(rows, device=device),  # (batch, longest)
            attention_mask=torch.tensor(mask, device=device),  # (batch, longest)
            generation_config=settings,
        )
    ends = end_tokens(causal)
    return [_until_end(row[longest:], ends, prompt.room) for row, prompt in zip(output.tolist(), prompts, strict=True)]


def _until_end(written: list[int], ends: set[int], room: int) -> list[int]:
    """Tokens of one reply of a batch, up to and with its first end token, or up to its own limit."""
    for position, token in enumerate(written[:room]):
        if token in ends:
            return written[: position + 1]
    return written[:room]
