"""A hop encoder: an adapter that leads from a question, and what was found for it, to the next passage.

Only the side of the question is trained: passages keep the vectors that the encoder gives them without the adapter, so
that an index needs no second set. What is minimised is `training.objectives.hop_ranking`, the steps are made by
`training.runs.loop`.

    train_hops("minilm", [read_hop_set(Path("sets/hotpot"))], HopConfig(), Path("adapters/hops"))

Source: Hu et al., ICLR 2022 (LoRA); Lee et al., ACL 2021 (training the query side alone).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
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
from retrieval.index.embed import VectorCache, embed
from training.config import HopConfig
from training.data.hop_sets import HopExample, HopSet, examples_of
from training.objectives.hop_ranking import HopRanking
from training.runs.loop import fit
from training.runs.publish import publish
from training.runs.resumable import train_once

if TYPE_CHECKING:
    from models.local.encoder import SentenceEncoder


@dataclass(frozen=True)
class HopTrainingRequest:
    """What is to be trained: everything that the adapter's weights depend on.

    Attributes:
        base: Name of the encoder's configuration.
        model: That configuration.
        weights: The encoder's weights.
        sets: Passages and questions.
        config: The settings.
        start: Folder of an adapter to begin with; None begins with an untrained one.
        sources: Ids of the chunks and documents of a workspace that the questions were made from; else none.
        number_format: Number format of the encoder's weights.
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
        """Number of examples by set and number of passages found before: {"hotpot, after 1": 320}."""
        names = (f"{self.sets[example.corpus].name}, after {example.found}" for example in self.examples)
        return dict(sorted(Counter(names).items()))

    @cached_property
    def texts_digest(self) -> str:
        """Digest of the passages and questions."""
        return digest("hops-1", list(map(_digest_parts, self.sets)))

    def parts(self) -> dict[str, Any]:
        """The parts of the key by name, so that a difference can be named."""
        # from_scratch shows in the adapter to begin with; how often a checkpoint is written changes no weight.
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
    """Train a hop encoder, or continue a run that was begun.

    Args:
        base: Name of an encoder of the sentence-transformers backend.
        sets: Passages and questions, at least one question.
        config: Settings.
        out: Folder of the adapter; its parent is made if absent.
        start: Folder of an adapter to train further, whatever its rank; unless the settings say from scratch.
        sources: Ids of the chunks and documents of a workspace that the questions were made from.
        progress: Progress callback, of examples and losses.
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
        raise ConfigError(f"{base} is no encoder: expected the backend sentence-transformers, got {model.backend}.")
    if not any(hop_set.questions for hop_set in sets):
        raise InputError("Expected at least one question to learn hops from; there are no questions.")
    start = None if config.from_scratch else start
    # Before the request is made: the lower rate is part of its key.
    config = config.for_further_training() if start else config
    weights = resolve(model.weights, progress)
    request = HopTrainingRequest(base, model, weights, tuple(sets), config, start, tuple(sorted(sources)))
    return train_once(request, out, lambda partial: _train(request, partial, out, progress))


def _train(request: HopTrainingRequest, partial: Path, out: Path, progress: Progress) -> None:
    from models.local.encoder import SentenceEncoder

    encoder = SentenceEncoder(request.base, request.model, request.weights)
    # Before the adapter is put in, since passages keep the vectors of the encoder without it.
    corpora = _corpora(encoder, request.sets, progress)
    objective = HopRanking(encoder, corpora, request.examples, request.config, encoder.body.device)
    model, state = fit(lambda: _adapted(encoder.body, request), objective, request.config.seed, partial, progress)
    publish(model, request, state, partial, out)


def _digest_parts(hop_set: HopSet) -> list[object]:
    return [[*hop_set.passages.items()], [question.model_dump() for question in hop_set.questions]]


def _corpora(encoder: SentenceEncoder, sets: Sequence[HopSet], progress: Progress) -> list[Vectors]:
    """Vectors of the passages of each set, arrays (passages, dimension)."""
    corpora = []
    for hop_set in sets:
        vectors = np.zeros((len(hop_set.passages), encoder.dimension), dtype=np.float32)
        embed(list(hop_set.passages.values()), vectors, encoder, VectorCache(), progress, f"embed {hop_set.name}")
        corpora.append(vectors)
    return corpora


def _adapted(body: Any, request: HopTrainingRequest) -> Any:
    """The encoder's transformer with an untrained adapter, or with the one to begin with."""
    from peft import LoraConfig, PeftModel, TaskType, get_peft_model

    settings = LoraConfig(
        r=request.config.rank,
        lora_alpha=request.config.alpha,
        target_modules="all-linear",
        exclude_modules=r".*pooler.*",  # vectors are the mean of the tokens, which no pooler sees
        task_type=TaskType.FEATURE_EXTRACTION,
    )
    with warnings.catch_warnings():
        # PEFT 0.21 calls a property of transformers 5 that is deprecated.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        if request.start is None:
            return get_peft_model(body, settings)
        return PeftModel.from_pretrained(body, str(request.start), is_trainable=True, local_files_only=True)
