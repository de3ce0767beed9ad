"""A finished adapter on disk: PEFT's own two files, and `graft.json`, which says what it was made from.

    adapters/lora-seed0/
        adapter_config.json  adapter_model.safetensors  graft.json  train_log.jsonl

Any tool that reads PEFT adapters reads this folder. Nothing in it holds a path of the machine that trained it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.causal import adapter_digest
from models.errors import ConfigError, describe
from training.config import TrainConfig

__all__ = ["MANIFEST", "Manifest", "adapter_digest", "list_adapters", "read_manifest"]

MANIFEST = "graft.json"
PARTIAL = ".partial"
"""Ending of the folder in which a run that has not finished keeps its checkpoint."""


class Manifest(BaseModel):
    """What an adapter was trained from, and how that went.

    Attributes:
        format: Version of this file's form.
        key: Digest of base, settings and texts: the request that this adapter answers.
        base: Name of the base model's configuration.
        base_weights: Name of its weights.
        base_digest: Digest of its weights.
        base_dtype: Number format of the base while it was trained.
        config: The settings.
        texts_digest: Digest of the training set.
        texts: Number of texts of each kind.
        tokens: Tokens read in all epochs.
        steps: Steps made.
        trainable: Number of trained weights.
        epoch_loss: Mean loss of the steps of each epoch, in nats per token.
        final_loss: Loss of the last step, in nats per token.
        seconds: Wall-clock time of all steps, over all starts.
        starts: 1, or more for a run that was cut off and went on.
        threads: Processor threads of the last start; sums, and so the last bits of the weights, may depend on it.
        device: Where it was trained.
        versions: Of Python, torch, transformers and PEFT.
        adapter_digest: Digest of the adapter's weights and configuration.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    key: str
    base: str
    base_weights: str
    base_digest: str
    base_dtype: str
    config: TrainConfig
    texts_digest: str
    texts: dict[str, int]
    tokens: int
    steps: int
    trainable: int
    epoch_loss: tuple[float, ...]
    final_loss: float
    seconds: float
    starts: int
    threads: int
    device: str
    versions: dict[str, str]
    adapter_digest: str

    @property
    def tokens_per_second(self) -> float:
        """Training speed, over all starts."""
        return self.tokens / self.seconds if self.seconds else 0.0


def read_manifest(folder: Path) -> Manifest:
    """Read what an adapter was made from.

    Raises:
        ConfigError: The folder is no adapter that was trained here, or its manifest is damaged.
    """
    file = folder / MANIFEST
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise ConfigError(f"{folder} is not an adapter trained by graft: it has no {MANIFEST}.") from error
    except ValidationError as error:
        raise ConfigError(
            f"{file} cannot be used: {describe(error)}. Train the adapter again in a new folder."
        ) from error


def list_adapters(folder: Path) -> tuple[tuple[Path, Manifest], ...]:
    """Finished adapters directly below a folder, by name; unfinished runs are left out.

    Args:
        folder: For example the `adapters` folder of a workspace; may be absent.
    """
    if not folder.is_dir():
        return ()
    found = sorted(file.parent for file in folder.glob(f"*/{MANIFEST}") if not file.parent.name.endswith(PARTIAL))
    return tuple((each, read_manifest(each)) for each in found)
