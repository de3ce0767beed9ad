"""How a hop encoder is trained: the settings of `training.hops`, checked where they enter."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field


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
