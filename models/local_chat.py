"""A chat model in this process: a causal language model of transformers, adapters included.

Slower than a server, and without constrained decoding: an answer under a JSON schema is asked for in the prompt
(`configs/prompts/json.md`) and checked afterwards; one that breaks the schema is an error, never a guess.
"""

from __future__ import annotations

import json
import time
from importlib import resources
from typing import TYPE_CHECKING, Any

from models.causal import CausalModel
from models.config import Price
from models.digest import digest
from models.errors import ModelError, OutputError
from models.protocols import ChatRequest, Completion, FinishReason, Message, Usage
from models.structured import parse_structured

if TYPE_CHECKING:
    import torch


class TransformersChat:
    """`ChatModel` over a causal language model in this process."""

    def __init__(self, causal: CausalModel, price: Price | None = None) -> None:
        """Chat with a loaded model.

        Args:
            causal: The model, with its adapter if it has one.
            price: For the ledger; None is free of charge.
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
        self._json_prompt = resources.files("configs").joinpath("prompts", "json.md").read_text(encoding="utf-8")
        self._digest = digest("chat-1", causal.digest, causal.tokenizer.chat_template, self._json_prompt)

    @property
    def digest(self) -> str:
        """Names weights, number format, adapter, chat template and the prompt for JSON."""
        return self._digest

    def complete(self, request: ChatRequest) -> Completion:
        """Answer a request.

        Raises:
            ModelError: The conversation is longer than the model's context.
            OutputError: The answer is empty, cut off under a schema, or breaks the schema.
        """
        causal = self._loaded()
        started = time.perf_counter()
        inputs = self._inputs(causal, request)
        read = int(inputs["input_ids"].shape[1])
        room = self._room(causal, read, request.max_tokens)
        with causal.lock:
            written = _generate(causal, inputs, request, room)[read:]
        text = causal.tokenizer.decode(written, skip_special_tokens=True).strip()
        finish: FinishReason = "stop" if set(written[-1:]) & _end_tokens(causal) else "length"
        parsed = self._check(text, finish, request, room)
        return Completion(text, Usage(read, len(written)), finish, time.perf_counter() - started, parsed)

    def close(self) -> None:
        """Let go of the weights; they are freed when nobody else uses them."""
        self._causal = None

    def _loaded(self) -> CausalModel:
        if self._causal is None:
            raise ModelError(f"The chat model {self.name} is closed; open it again.")
        return self._causal

    def _inputs(self, causal: CausalModel, request: ChatRequest) -> Any:
        messages = list(request.messages)
        if request.schema is not None:
            wanted = self._json_prompt.replace("{schema}", json.dumps(request.schema, ensure_ascii=False))
            last = messages[-1]
            messages[-1] = Message(last.role, f"{last.content}\n\n{wanted.strip()}")
        turns = [{"role": message.role, "content": message.content} for message in messages]
        inputs = causal.tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        return inputs.to(causal.model.device)

    def _room(self, causal: CausalModel, read: int, max_tokens: int) -> int:
        if causal.context_tokens is None:
            return max_tokens
        room = min(max_tokens, causal.context_tokens - read)
        if room < 1:
            raise ModelError(
                f"{self.name} has a context of {causal.context_tokens} tokens, and the conversation alone has {read}. "
                "Give less context (retrieve fewer passages, or a smaller token budget)."
            )
        return room

    def _check(self, text: str, finish: FinishReason, request: ChatRequest, room: int) -> Any:
        if not text:
            raise OutputError(f"{self.name} answered nothing. Ask differently, or take a stronger model.")
        if request.schema is None:
            return None
        if finish == "length":
            raise OutputError(f"{self.name} was cut off after {room} tokens, within its JSON. Allow more tokens.")
        return parse_structured(text, request.schema)


def _generate(causal: CausalModel, inputs: Any, request: ChatRequest, room: int) -> list[int]:
    """Token ids of conversation and answer."""
    import torch
    from transformers import GenerationConfig

    sampled = request.temperature > 0
    # Made from nothing: the model's own settings may hold a repetition penalty or a temperature.
    settings = GenerationConfig(
        max_new_tokens=room,
        do_sample=sampled,
        temperature=request.temperature if sampled else None,
        eos_token_id=sorted(_end_tokens(causal)),
        pad_token_id=causal.tokenizer.pad_token_id or causal.tokenizer.eos_token_id,
        bos_token_id=causal.tokenizer.bos_token_id,
    )
    with torch.inference_mode(), torch.random.fork_rng(enabled=sampled):
        if sampled:
            torch.manual_seed(request.seed)
        output: torch.Tensor = causal.model.generate(**inputs, generation_config=settings)
    ids: list[int] = output[0].tolist()
    return ids


def _end_tokens(causal: CausalModel) -> set[int]:
    named = causal.model.generation_config.eos_token_id
    tokens = set(named) if isinstance(named, list) else {named}
    return {int(token) for token in tokens | {causal.tokenizer.eos_token_id} if token is not None}
