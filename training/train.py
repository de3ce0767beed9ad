"""Train an adapter: a base model, texts and settings to a folder in PEFT's format.

Nothing is paid for twice: a finished folder of the same request is returned at once, and a run that was cut off
continues from its checkpoint in `OUT.partial` and ends with the same weights. A folder of another request is never
overwritten. Another process that trains the same adapter is waited for.

    train("smollm2-135m", raw_texts(workspace.store), TrainConfig(), workspace.adapters_dir / "lora-seed0")

Source: Ovadia et al., Fine-Tuning or Retrieval? Comparing Knowledge Injection in LLMs, EMNLP 2024 (continued
    pre-training on chunks of a corpus and on paraphrases of them).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ConfigError, InputError, ModelError
from models.local.causal import chat_ids, context_length, load_causal
from models.protocols import Message
from models.runtime.progress import SILENT, Progress
from training.config import TrainConfig
from training.data.packing import Ids
from training.data.texts import TrainingText
from training.methods.lora import find_method
from training.objectives.language_modelling import LanguageModelling, TrainingPlan
from training.runs.loop import fit
from training.runs.publish import publish
from training.runs.request import TextTrainingRequest, make_request
from training.runs.resumable import train_once

EAGER_LENGTH = 512
"""Up to this length plain attention is faster than torch's fused kernel on a processor: a step took 10 % less time."""


def train(
    base: str, texts: Sequence[TrainingText], config: TrainConfig, out: Path, progress: Progress = SILENT
) -> Path:
    """Train an adapter, or continue a run that was begun.

    Args:
        base: Name of a model configuration of the transformers backend, or the path of its YAML file.
        texts: Training set, at least one text, none blank.
        config: Settings.
        out: Folder of the adapter; its parent is made if absent.
        progress: Progress callback, of tokens and losses.
    Returns:
        `out`, which holds PEFT's two files, `graft.json` and the log of the steps.
    Raises:
        ConfigError: The base cannot be trained, or `out` or `OUT.partial` belongs to another request.
        InputError: There is nothing to train on.
        ModelError: The base cannot be had or loaded.
        StoreError: The checkpoint cannot be used.
        GraftError: The loss is no longer a number.
    """
    request = make_request(base, texts, config, progress)
    return train_once(request, out, lambda partial: _train(request, partial, out, progress))


def tokenise(tokenizer: Any, texts: Sequence[TrainingText]) -> tuple[list[Ids], int]:
    """Token ids of each text without its prompt, with the end token behind.

    A running text begins with the tokens that the tokeniser puts in front of a sequence; an answer does not, since its
    prompt has them.

    Returns:
        Arrays (tokens,), and the end token.
    Raises:
        ModelError: The tokeniser has no end token.
    """
    end = tokenizer.eos_token_id
    if end is None:
        raise ModelError(
            "Expected a tokeniser with an end token (eos_token), which must stand between training texts, got one "
            "without."
        )
    tokens = []
    for text in texts:
        ids = tokenizer(text.text, add_special_tokens=not text.prompt)["input_ids"]
        # Some tokenisers add it themselves; two would teach the model to say nothing after an end.
        has_end = bool(ids) and ids[-1] == end
        tokens.append(np.array(ids if has_end else [*ids, end], dtype=np.int64))
    return tokens, int(end)


def make_plan(tokenizer: Any, texts: Sequence[TrainingText], config: TrainConfig) -> TrainingPlan:
    """What a run reads; a text that is too long to stay whole behind its prompt is left out.

    Raises:
        InputError: No text is left.
        ModelError: The tokeniser has no end token, or no chat template and there are prompts.
    """
    answers, end = tokenise(tokenizer, texts)
    prompts = [_prompt_ids(tokenizer, text.prompt) for text in texts]
    tokens, prompt_lengths = [], []
    for prompt, answer in zip(prompts, answers, strict=True):
        # Running text may be cut; an answer parted from its prompt would be learnt as if nothing had been asked.
        if not len(prompt) or len(prompt) + len(answer) <= config.sequence_length:
            tokens.append(np.concatenate([prompt, answer]))
            prompt_lengths.append(len(prompt))
    if not tokens:
        raise InputError(
            f"Expected texts of at most sequence_length, {config.sequence_length} tokens, with their prompts, but all "
            f"{len(texts)} are longer: raise it."
        )
    return TrainingPlan(tokens, end, config, prompt_lengths, len(texts) - len(tokens))


def _prompt_ids(tokenizer: Any, prompt: Sequence[Message]) -> Ids:
    if not prompt:
        return np.array([], dtype=np.int64)
    if not tokenizer.chat_template:
        raise ModelError(
            "Expected a base with a chat template to be trained on prompts with answers, got one without: take an "
            "instruct model."
        )
    # With the opening of the model's turn, so that the first token of the answer is what comes next.
    turns = [{"role": message.role, "content": message.content} for message in prompt]
    return np.array(chat_ids(tokenizer, turns), dtype=np.int64)


def _train(request: TextTrainingRequest, partial: Path, out: Path, progress: Progress) -> None:
    config = request.config
    model, tokenizer = load_causal(request.weights, request.model.dtype, request.model.device, progress)
    limit = context_length(model)
    if limit is not None and config.sequence_length > limit:
        raise ConfigError(
            f"Expected a sequence_length of at most {limit}, the context of {request.base}, got "
            f"{config.sequence_length}."
        )
    if model.device.type == "cpu" and config.sequence_length <= EAGER_LENGTH:
        model.set_attn_implementation("eager")
    # Texts that do not fit are refused before a step is made.
    plan = make_plan(tokenizer, request.texts, config)
    adapted, state = fit(
        lambda: find_method(config.method)(model, config), LanguageModelling(plan), config.seed, partial, progress
    )
    publish(adapted, request, state, partial, out, plan.left_out)
