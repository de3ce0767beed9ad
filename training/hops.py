"""A hop encoder: an adapter that leads from a question, and what was found for it, to the next passage.

Only the side of the question is trained: passages keep the vectors that the encoder gives them without the adapter, so
an index needs no second set, and every passage of a corpus is a negative at every step, at the price of one product of
matrices. The loss of an example is the mean, over the passages wanted next, of -log of the share of each against all
passages that the question does not need.

    train_hops("minilm", [read_hop_set(Path("sets/hotpot"))], HopConfig(), Path("adapters/hops"))

Source: Hu et al., ICLR 2022 (LoRA); Xiong et al., ICLR 2021 (multi-hop dense retrieval); Lee et al., ACL 2021
    (training the query side alone).
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.config import EncoderModel, load_model
from models.errors import ConfigError, InputError
from models.files.digest import digest
from models.local.causal import adapter_digest
from models.protocols import Vectors
from models.runtime.progress import SILENT, Progress
from models.weights.resolve import Weights, resolve
from retrieval.index.embed import KnownVectors, embed
from retrieval.traversal.chains import SCALE
from training.config import HopConfig
from training.data.hop_sets import HopExample, HopSet, examples_of
from training.data.packing import epoch_order
from training.runs.checkpoint import State, load_checkpoint, save_checkpoint, trainable
from training.runs.log import LOG, check_finite, log_line, open_log
from training.runs.publish import publish
from training.runs.resumable import once

if TYPE_CHECKING:
    import torch

    from models.local.encoder import SentenceEncoder

_WINDOW = 8
"""Batches are cut from this many batches' examples, sorted by length: like lengths waste no padding."""


@dataclass(frozen=True)
class HopRequest:
    """What is to be trained: everything that the adapter's weights depend on.

    Attributes:
        base: Name of the encoder's configuration.
        model: That configuration.
        weights: The encoder's weights.
        sets: Passages and questions.
        config: The settings.
        start: Folder of an adapter to begin with; None begins with an untrained one.
        sources: Ids of the passages and documents of a workspace that the questions were made from; else none.
    """

    base: str
    model: EncoderModel
    weights: Weights
    sets: tuple[HopSet, ...]
    config: HopConfig
    start: Path | None = None
    sources: tuple[str, ...] = ()
    number_format: str = "float32"

    @cached_property
    def examples(self) -> list[HopExample]:
        """Every step to learn."""
        return examples_of(self.sets)

    @property
    def counts(self) -> dict[str, int]:
        """Number of examples by the set and by what was found before: {"hotpot, after 1": 320}."""
        named = Counter(f"{self.sets[each.corpus].name}, after {each.found}" for each in self.examples)
        return dict(sorted(named.items()))

    @cached_property
    def texts_digest(self) -> str:
        """Digest of the passages and questions."""
        return digest(
            "hops-1", [[[*each.passages.items()], [q.model_dump() for q in each.questions]] for each in self.sets]
        )

    def parts(self) -> dict[str, Any]:
        """What the key is made of."""
        settings = self.config.model_dump(mode="json", exclude={"checkpoint_steps", "from_scratch"})
        return {
            "base weights": self.weights.digest,
            "questions and passages": self.texts_digest,
            "adapter to begin with": adapter_digest(self.start) if self.start else "",
            **{f"setting {name}": value for name, value in settings.items()},
        }

    @property
    def key(self) -> str:
        """Digest of the request."""
        return digest("train-hops-1", self.parts())


def train_hops(
    base: str,
    sets: Sequence[HopSet],
    config: HopConfig,
    out: Path,
    start: Path | None = None,
    sources: Sequence[str] = (),
    progress: Progress = SILENT,
) -> Path:
    """Train a hop encoder, or go on with one that was begun.

    Args:
        base: Name of an encoder of the sentence-transformers backend.
        sets: At least one question.
        config: Settings.
        out: Folder of the adapter; its parent is made if absent.
        start: Folder of an adapter to go on with, its rank that of the settings or not; unless they say from scratch.
        sources: Ids of what the questions were made from, in a workspace.
        progress: Told of examples and losses.
    Returns:
        `out`, which holds PEFT's two files, `graft.json` and the log of the steps.
    Raises:
        ConfigError: The base is no such encoder, or `out` or `OUT.partial` belongs to another request.
        InputError: There is no question.
        ModelError: The base cannot be had or loaded.
        StoreError: The checkpoint cannot be used.
        GraftError: The loss is no longer a number.
    """
    model = load_model(base)
    if not isinstance(model, EncoderModel):
        raise ConfigError(f"{base} is no encoder: its backend is {model.backend}, expected sentence-transformers.")
    if not any(each.questions for each in sets):
        raise InputError("There are no questions to learn hops from: expected at least one.")
    start = None if config.from_scratch else start
    config = config.going_on() if start else config
    weights = resolve(model.weights, progress)
    request = HopRequest(base, model, weights, tuple(sets), config, start, tuple(sorted(sources)))
    return once(request, out, lambda partial: _train(request, partial, out, progress))


def _train(request: HopRequest, partial: Path, out: Path, progress: Progress) -> None:
    import torch

    from models.local.encoder import SentenceEncoder

    encoder = SentenceEncoder(request.base, request.model, request.weights)
    corpora = _corpora(encoder, request.sets, progress)
    with torch.random.fork_rng():
        torch.manual_seed(request.config.seed)
        model = _adapted(encoder.body, request)
        model.train()
        state = _run(model, encoder, request, corpora, partial, progress)
    publish(model, request, state, partial, out)


def _corpora(encoder: SentenceEncoder, sets: Sequence[HopSet], progress: Progress) -> list[Vectors]:
    """Vectors of the passages of each set, arrays (passages, dimension)."""
    found = []
    for each in sets:
        vectors = np.zeros((len(each.passages), encoder.dimension), dtype=np.float32)
        embed(list(each.passages.values()), vectors, encoder, KnownVectors(), progress, f"embed {each.name}")
        found.append(vectors)
    return found


def _adapted(body: Any, request: HopRequest) -> Any:
    from peft import LoraConfig, PeftModel, TaskType, get_peft_model

    settings = LoraConfig(
        r=request.config.rank,
        lora_alpha=request.config.alpha,
        target_modules="all-linear",
        exclude_modules=r".*pooler.*",  # vectors are the mean of the tokens, which no pooler sees
        task_type=TaskType.FEATURE_EXTRACTION,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        if request.start is None:
            return get_peft_model(body, settings)
        return PeftModel.from_pretrained(body, str(request.start), is_trainable=True, local_files_only=True)


def _run(
    model: Any,
    encoder: SentenceEncoder,
    request: HopRequest,
    corpora: Sequence[Vectors],
    folder: Path,
    progress: Progress,
) -> State:
    import torch

    config, examples = request.config, request.examples
    parameters = list(trainable(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.0)
    resumed = load_checkpoint(folder, model, optimizer)
    state = resumed or State()
    state.starts += resumed is not None
    passages = [torch.from_numpy(vectors).to(model.device) for vectors in corpora]
    batches = list(_batches(examples, config))
    done = sum(map(len, batches[: state.step]))
    with (
        open_log(folder / LOG, state.step) as log,
        progress.step("train hops", total=len(examples) * config.epochs, unit="examples", done=done) as bar,
    ):
        for batch in batches[state.step :]:
            began = time.perf_counter()
            rate = learning_rate(state.step, len(batches), config)
            vectors, tokens = encoder.with_gradients([each.text for each in batch], config.max_tokens)
            loss = torch.stack([_loss(v, passages[e.corpus], e) for v, e in zip(vectors, batch, strict=True)]).mean()
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            state.add(float(loss.detach()), tokens, time.perf_counter() - began)
            check_finite(state, folder, config.learning_rate)
            log.write(log_line(state, rate))
            bar.advance(len(batch))
            if state.step % config.checkpoint_steps == 0:
                log.flush()
                save_checkpoint(folder, model, optimizer, state)
    return state


def learning_rate(step: int, steps: int, config: HopConfig) -> float:
    """Learning rate of a step: up over the warm-up, down in a straight line, never quite to zero.

    Example:
        >>> [round(learning_rate(step, 4, HopConfig(learning_rate=1.0, warmup_steps=2)), 2) for step in range(4)]
        [0.5, 0.75, 0.5, 0.25]
    """
    return config.learning_rate * min((step + 1) / config.warmup_steps, max(0.02, 1 - step / steps))


def _loss(vector: torch.Tensor, passages: torch.Tensor, example: HopExample) -> torch.Tensor:
    """Scalar, in nats: mean over the wanted passages of -log of each one's share.

    Args:
        vector: Unit vector (dimension,) of the question with what was found.
        passages: (passages, dimension).
        example: What is wanted.
    """
    import torch

    scores = SCALE * (passages @ vector)  # (passages,)
    wanted = scores[list(example.wanted)]
    others = torch.ones_like(scores, dtype=torch.bool)
    others[list(example.needed)] = False
    rest = torch.logsumexp(scores[others], dim=0)  # of no others: -inf, and the loss is 0
    return (torch.logaddexp(wanted, rest) - wanted).mean()


def _batches(examples: Sequence[HopExample], config: HopConfig) -> Iterator[list[HopExample]]:
    """The batches of all epochs, a function of the seed."""
    size = config.batch_size
    for epoch in range(config.epochs):
        shuffled = [examples[place] for place in epoch_order(len(examples), config.seed, epoch).tolist()]
        cut: list[list[HopExample]] = []
        for start in range(0, len(shuffled), size * _WINDOW):
            window = sorted(shuffled[start : start + size * _WINDOW], key=lambda each: len(each.text))
            cut += [window[first : first + size] for first in range(0, len(window), size)]
        yield from (cut[place] for place in epoch_order(len(cut), config.seed + 1, epoch).tolist())
