"""What is to be trained, checked before anything is loaded: the base model, the texts and the settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.config import TransformersModel, load_model
from models.errors import ConfigError, InputError
from models.files.digest import digest
from models.local.causal import pick_dtype
from models.runtime.progress import SILENT, Progress
from models.weights.resolve import Weights, resolve
from training.config import TrainConfig
from training.data.texts import TrainingText, texts_digest


@dataclass(frozen=True, slots=True)
class TextTrainingRequest:
    """What is to be trained on texts: everything that the adapter's weights depend on.

    Attributes:
        base: Name of the base model's configuration.
        model: That configuration.
        weights: The base model's weights.
        texts: The training set, in order.
        config: The settings.
    """

    base: str
    model: TransformersModel
    weights: Weights
    texts: tuple[TrainingText, ...]
    config: TrainConfig

    def parts(self) -> dict[str, Any]:
        """The parts of the key by name, so that a difference can be named."""
        # The base's configuration is left out: its weights' digest and number format are all that matters of it.
        settings = self.config.model_dump(mode="json", exclude={"checkpoint_steps"})
        return {
            "base weights": self.weights.digest,
            "base number format": self.number_format,
            "texts": self.texts_digest,
            **{f"setting {name}": value for name, value in settings.items()},
        }

    @property
    def number_format(self) -> str:
        """Number format of the base's weights on this machine."""
        return pick_dtype(self.model.dtype, self.model.device)

    @property
    def counts(self) -> dict[str, int]:
        """Number of texts of each kind."""
        return dict(sorted(Counter(text.kind for text in self.texts).items()))

    @property
    def texts_digest(self) -> str:
        """Digest of the training set."""
        return texts_digest(self.texts)

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of the chunks and documents that the texts state."""
        return tuple(sorted({text.source for text in self.texts}))

    @property
    def key(self) -> str:
        """Digest of the request; equal requests give equal adapters."""
        return digest("train-1", self.parts())


def make_request(
    base: str, texts: Sequence[TrainingText], config: TrainConfig, progress: Progress = SILENT
) -> TextTrainingRequest:
    """Check a request and find the base model's weights; nothing is loaded or trained.

    Raises:
        ConfigError: The base is no transformers model.
        InputError: There are no texts, or one is blank.
        ModelError: The weights cannot be had.
    """
    model = base_config(base)
    if not texts:
        raise InputError("There are no texts to train on: expected at least one. Index documents first.")
    blank = [text.id for text in texts if not text.text.strip()]
    if blank:
        raise InputError(
            f"{len(blank)} of {len(texts)} training texts are blank, the first of them {blank[0]}: leave them out."
        )
    return TextTrainingRequest(base, model, resolve(model.weights, progress), tuple(texts), config)


def base_config(base: str) -> TransformersModel:
    """The configuration of a base model that an adapter can be trained on.

    Raises:
        ConfigError: There is no such model, or it runs on another backend than transformers or in float16, or
            has an adapter of its own.
    """
    model = load_model(base)
    if not isinstance(model, TransformersModel):
        raise ConfigError(
            f"Expected a base model of the backend transformers, but {base} runs on {model.backend}, which cannot be "
            "trained. Name the same weights under that backend."
        )
    if model.adapter is not None:
        raise ConfigError(
            f"{base} already has the adapter {model.adapter}, and training would begin without it: expected a model "
            "without one."
        )
    if model.dtype == "float16":
        raise ConfigError(
            f"{base} is loaded in float16, in which small gradients vanish: expected a dtype of bfloat16 or float32."
        )
    return model
