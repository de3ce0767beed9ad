"""Train an adapter: a base model, texts and settings to a folder in PEFT's format.

Nothing is paid twice: a finished folder of the same request is returned at once, and a run that was cut off
goes on from its checkpoint in `OUT.partial` and ends with the same weights. A folder of another request is never
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
from training.objectives.language_modelling import Plan, run_steps
from training.runs.publish import publish
from training.runs.request import Request, make_request
from training.runs.resumable import once

EAGER_LENGTH = 512
"""Up to here, plain attention takes 10 % less time of a step on a processor than torch's fused kernel (measured)."""


def train(
    base: str, texts: Sequence[TrainingText], config: TrainConfig, out: Path, progress: Progress = SILENT
) -> Path:
    """Train an adapter, or go on with one that was begun.

    Args:
        base: Name of a model configuration of the transformers backend, or the path of its YAML file.
        texts: What to train on, at least one, none blank.
        config: Settings.
        out: Folder of the adapter; its parent is made if absent.
        progress: Told of tokens and losses.
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
    return once(request, out, lambda partial: _train(request, partial, out, progress))


def tokenise(tokenizer: Any, texts: Sequence[TrainingText]) -> tuple[list[Ids], int]:
    """Token ids of each text without its prompt, with the end token behind.

    A running text has in front what the tokeniser puts there, an answer nothing.

    Returns:
        Arrays (tokens,), and the end token.
    Raises:
        ModelError: The tokeniser has no end token.
    """
    end = tokenizer.eos_token_id
    if end is None:
        raise ModelError("The model's tokeniser has no end token (eos_token), which must stand between training texts.")
    rows = [tokenizer(text.text, add_special_tokens=not text.prompt)["input_ids"] for text in texts]
    return [np.array(row if row and row[-1] == end else [*row, end], dtype=np.int64) for row in rows], int(end)


def plan_of(tokenizer: Any, texts: Sequence[TrainingText], config: TrainConfig) -> Plan:
    """What a run reads; a text that is too long to stay whole behind its prompt is left out.

    Raises:
        InputError: None is left.
        ModelError: The tokeniser has no end token, or no chat template and there are prompts.
    """
    answers, end = tokenise(tokenizer, texts)
    prompts = [_prompt_ids(tokenizer, text.prompt) for text in texts]
    rows = [np.concatenate([prompt, answer]) for prompt, answer in zip(prompts, answers, strict=True)]
    length = config.sequence_length
    kept = [place for place, row in enumerate(rows) if not len(prompts[place]) or len(row) <= length]
    if not kept:
        raise InputError(f"All {len(texts)} texts are longer than sequence_length, {length} tokens: raise it.")
    return Plan([rows[i] for i in kept], end, config, [len(prompts[i]) for i in kept], len(rows) - len(kept))


def _prompt_ids(tokenizer: Any, prompt: Sequence[Message]) -> Ids:
    if not prompt:
        return np.array([], dtype=np.int64)
    if not tokenizer.chat_template:
        raise ModelError("The base has no chat template, so it cannot be trained to answer: take an instruct model.")
    turns = [{"role": message.role, "content": message.content} for message in prompt]
    return np.array(chat_ids(tokenizer, turns), dtype=np.int64)


def _train(request: Request, partial: Path, out: Path, progress: Progress) -> None:
    import torch

    config = request.config
    model, tokenizer = load_causal(request.weights, request.model.dtype, request.model.device, progress)
    limit = context_length(model)
    if limit is not None and config.sequence_length > limit:
        raise ConfigError(
            f"sequence_length is {config.sequence_length}, but {request.base} reads at most {limit} tokens."
        )
    if model.device.type == "cpu" and config.sequence_length <= EAGER_LENGTH:
        model.set_attn_implementation("eager")
    plan = plan_of(tokenizer, request.texts, config)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        adapted = find_method(config.method)(model, config)
        adapted.train()
        state = run_steps(adapted, plan, partial, progress)
    publish(adapted, request, state, partial, out, plan.left_out)
