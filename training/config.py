"""How an adapter is trained: the settings of one training run, checked when they are read.

Every setting but `checkpoint_steps` changes the adapter that comes out, so their digest is part of an adapter's name.
The base model and the texts are not settings; they are separate arguments (see `training.train.train`).

The defaults learn fastest per second among those that were compared on a CPU (SmolLM2-135M, 1,895 tokens, 3 epochs):
rank 32 on all linear layers, one sequence a step, 1e-3. How much a model forgets with them was not compared.

    TrainConfig(epochs=4, rank=16)
    load_config(Path("train.yaml"))
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.files.digest import digest
from models.files.settings import check_settings, read_settings

_NAME = "training settings"


class TrainConfig(BaseModel):
    """Settings of one training run.

    Attributes:
        method: A name in `training.methods.lora.METHODS`, or the dotted path of your own (`package.module:function`).
        rank: Rank of the two low-rank factors of each adapted layer.
        alpha: Scale: the product of the factors is multiplied by alpha / rank; None means 2 * rank.
        dropout: Share of the adapter's inputs that is zeroed while it trains, in [0, 1).
        targets: "all-linear" (each linear layer but the output head), "attention", or names of modules.
        learning_rate: Peak learning rate, reached after the warm-up.
        schedule: "cosine" falls to zero at the last step; "constant" stays at the peak.
        warmup_share: Share of all steps over which the learning rate rises from zero, in [0, 1).
        epochs: Number of passes over the texts.
        sequence_length: Number of tokens in one packed sequence.
        batch_size: Number of packed sequences in one step.
        isolate: True keeps attention within each text of a packed sequence; False lets it cross.
        weight_decay: Weight decay of AdamW, on the adapter's weights.
        clip_norm: Maximum L2 norm of the gradient of one step.
        seed: Seed of the adapter's first weights, the order of the texts and the dropout.
        checkpoint_steps: Number of steps between two checkpoints; does not change the result.
        whole_documents: True trains on documents, False on their chunks.
        raw: True trains on the texts as well as their rewritings, False on the rewritings alone.
        paraphrases: Number of rewritings of each text to train on; 0 trains on the texts alone.
        paraphrase_share: Maximum number of tokens of a rewriting beyond its first 64, as a share of its text's; a
            longer one is cut off after the last complete sentence that fits. 2 leaves room for everything that a text
            says; a smaller share costs less and says less.
        paraphraser: Name of the chat model that writes them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = "lora"
    rank: int = Field(default=32, ge=1)
    alpha: float | None = Field(default=None, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: Literal["all-linear", "attention"] | tuple[str, ...] = "all-linear"
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_share: float = Field(default=0.05, ge=0, lt=1)
    epochs: int = Field(default=6, ge=1)
    sequence_length: int = Field(default=256, ge=8)
    batch_size: int = Field(default=1, ge=1)
    isolate: bool = True
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    seed: int = Field(default=0, ge=0)
    checkpoint_steps: int = Field(default=20, ge=1)
    whole_documents: bool = False
    raw: bool = True
    paraphrases: int = Field(default=0, ge=0)
    paraphrase_share: float = Field(default=2.0, gt=0)
    paraphraser: str = "qwen-1.5b"

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not self.raw and not self.paraphrases:
            raise ValueError("With raw false and paraphrases 0 there is nothing to train on: set one of them.")
        return self

    @property
    def scale(self) -> float:
        """Factor of the low-rank product: alpha / rank."""
        return (2 * self.rank if self.alpha is None else self.alpha) / self.rank

    @property
    def digest(self) -> str:
        """Digest of every setting that changes the adapter.

        Example:
            >>> TrainConfig(checkpoint_steps=7).digest == TrainConfig().digest != TrainConfig(seed=1).digest
            True
        """
        return digest(self.model_dump(mode="json", exclude={"checkpoint_steps"}))


def parse_config(values: Any, source: str = "the training configuration") -> TrainConfig:
    """Check settings that came from a file or from flags.

    Raises:
        ConfigError: A setting is unknown or out of range; the message names `source` and the setting.
    """
    return check_settings(values, TrainConfig, source, _NAME)


def load_config(path: Path) -> TrainConfig:
    """Read settings from a YAML file.

    Raises:
        ConfigError: The file cannot be read or does not hold training settings.
    """
    return read_settings(path, TrainConfig, _NAME)


class HopConfig(BaseModel):
    """Settings of one training run of a hop encoder; all but `checkpoint_steps` change the result.

    Attributes:
        rank: Rank of the two low-rank factors of each linear layer.
        alpha: Scale: the product of the factors is multiplied by alpha / rank.
        learning_rate: Peak learning rate, reached after the warm-up; it then falls to zero linearly. If it is not set,
            an adapter that is trained further gets a fifth of the default: at the full rate it forgets some of what it
            knew.
        warmup_steps: Number of steps over which the learning rate rises.
        epochs: Number of passes over the examples.
        batch_size: Number of examples in one step.
        max_tokens: Maximum length of a question with its passages in training, in tokens; the rest is cut off.
        from_scratch: Whether to begin with an untrained adapter even if there is one to train further.
        seed: Seed of the adapter's first weights and of the order of the examples.
        checkpoint_steps: Number of steps between two checkpoints; does not change the result.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup_steps: int = Field(default=20, ge=1)
    epochs: int = Field(default=3, ge=1)
    batch_size: int = Field(default=32, ge=1)
    max_tokens: int = Field(default=160, ge=8)
    from_scratch: bool = False
    seed: int = Field(default=0, ge=0)
    checkpoint_steps: int = Field(default=20, ge=1)

    def for_further_training(self) -> Self:
        """The settings for an adapter that is trained further."""
        if "learning_rate" in self.model_fields_set:
            return self
        return self.model_copy(update={"learning_rate": self.learning_rate / 5})
