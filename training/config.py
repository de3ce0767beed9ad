"""How an adapter is trained: the settings of one training run, checked where they enter.

Everything here but `checkpoint_steps` changes the adapter that comes out, so their digest is part of what
names an adapter. The base model and the texts are not settings: they are given beside them (see
`training.train.train`).

The defaults learn fastest per second of those measured on a processor (SmolLM2-135M, 1,895 tokens, 3 epochs):
rank 32 on all linear layers, one sequence a step, 1e-3. How much else a model forgets was not part of that.

    TrainConfig(epochs=4, rank=16)
    load_config(Path("train.yaml"))
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import ConfigError, describe
from models.files.digest import digest


class TrainConfig(BaseModel):
    """Settings of one training run.

    Attributes:
        method: A name of `training.methods.lora.METHODS`, or the dotted path of your own (`package.module:function`).
        rank: Rank of the two low-rank factors of each adapted layer.
        alpha: Scale: the product of the factors is multiplied by alpha / rank; None means 2 * rank.
        dropout: Share of the adapter's inputs that is zeroed while it trains, in [0, 1).
        targets: "all-linear" (each linear layer but the output head), "attention", or names of modules.
        learning_rate: Peak, reached after the warm-up.
        schedule: "cosine" falls to zero at the last step; "constant" stays at the peak.
        warmup_share: Share of all steps over which the learning rate rises from zero, in [0, 1).
        epochs: How often every text is seen.
        sequence_length: Tokens of one packed sequence.
        batch_size: Packed sequences of one step.
        isolate: True keeps attention within each text of a packed sequence; False lets it cross.
        weight_decay: Of AdamW, on the adapter's weights.
        clip_norm: Largest L2 norm of the gradient of one step.
        seed: Of the adapter's first weights, the order of the texts and the dropout.
        checkpoint_steps: Steps between two checkpoints; changes nothing in the result.
        whole_documents: True trains on documents, False on their chunks.
        raw: True trains on the texts themselves; False on their rewritings alone.
        paraphrases: Rewritings of each text that are trained on; 0 trains on the texts alone.
        paraphrase_share: Most tokens of a rewriting beyond its first 64, as a share of its text's; one that is longer
            ends with the last full sentence within. 2 is room for all that a text says; less is cheaper and says less.
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
            raise ValueError("raw is false and paraphrases is 0, so there is nothing to train on: set one of them")
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
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: expected a mapping of settings, got {type(values).__name__}.")
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{source} is not a training configuration: {describe(error)}.") from error


def load_config(path: Path) -> TrainConfig:
    """Read settings from a YAML file.

    Raises:
        ConfigError: The file cannot be read or does not hold training settings.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"The training configuration {path} cannot be read: {error}.") from error
    return parse_config({} if values is None else values, str(path))


class HopConfig(BaseModel):
    """Settings of one training run of a hop encoder; all but `checkpoint_steps` change what comes out.

    Attributes:
        rank: Rank of the two low-rank factors of each linear layer.
        alpha: Scale: the product of the factors is multiplied by alpha / rank.
        learning_rate: Peak, reached after the warm-up; falls to zero in a straight line. Where none is set, a fifth
            of it for an adapter that is gone on with: at the full one it forgets some.
        warmup_steps: Steps over which it rises.
        epochs: How often every example is seen.
        batch_size: Examples of one step.
        max_tokens: Where a question with its passages is cut, in training; tokens.
        from_scratch: Whether the adapter begins untrained where there is one to go on with.
        seed: Of the adapter's first weights and of the order of the examples.
        checkpoint_steps: Steps between two checkpoints; changes nothing in the result.
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

    def going_on(self) -> Self:
        """The settings for an adapter that is gone on with."""
        if "learning_rate" in self.model_fields_set:
            return self
        return self.model_copy(update={"learning_rate": self.learning_rate / 5})
