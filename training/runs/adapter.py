"""A finished adapter on disk: PEFT's own two files, and `graft.json`, which says what it was made from.

    adapters/lora-seed0/
        adapter_config.json  adapter_model.safetensors  graft.json  train_log.jsonl

Any tool that reads PEFT adapters reads this folder. Nothing in it holds a path of the machine that trained it.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import ConfigError, describe_problems
from models.files.atomic import replace_text
from models.local.causal import ADAPTER_MANIFEST, adapter_digest, refuse_erased
from models.servers.lora_gguf import remove_converted
from training.config import HopConfig, TrainConfig

__all__ = [
    "MANIFEST",
    "AdapterManifest",
    "adapter_digest",
    "adapter_folder",
    "flag_erased",
    "list_adapters",
    "read_manifest",
    "read_usable",
    "trained_on",
]

MANIFEST = ADAPTER_MANIFEST
PARTIAL = ".partial"
"""Ending of the folder in which a run that has not finished keeps its checkpoint."""


class AdapterManifest(BaseModel):
    """What an adapter was trained from, and how that went.

    Attributes:
        format: Version of this file's form.
        key: Digest of base, settings and texts: the request that this adapter answers.
        base: Name of the base model's configuration.
        base_weights: Name of the base model's weights.
        base_digest: Digest of the base model's weights.
        base_dtype: Number format of the base model during training.
        config: The settings.
        texts_digest: Digest of the training set.
        texts: Number of texts of each kind.
        left_out: Number of texts that were too long to be trained on.
        tokens: Number of tokens read in all epochs.
        steps: Number of steps made.
        trainable: Number of trained weights.
        epoch_loss: Mean loss of the steps of each epoch, in nats per token.
        final_loss: Loss of the last step, in nats per token.
        seconds: Wall-clock time of all steps, over all starts.
        starts: 1, or more for a run that was cut off and continued.
        threads: Processor threads of the last start; sums, and so the last bits of the weights, may depend on it.
        device: Where it was trained: "cpu", "cuda".
        versions: Versions of Python, torch, transformers and PEFT.
        adapter_digest: Digest of the adapter's weights and configuration.
        sources: Ids of the chunks and documents that its texts state; None where they were not written down.
        erased: Why it must not be used any more: what it was trained on has been erased. "" as long as it may.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    key: str
    base: str
    base_weights: str
    base_digest: str
    base_dtype: str
    config: TrainConfig | HopConfig
    texts_digest: str
    texts: dict[str, int]
    left_out: int = 0
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
    sources: tuple[str, ...] | None = None
    erased: str = ""

    @property
    def tokens_per_second(self) -> float:
        """Training speed, over all starts."""
        return self.tokens / self.seconds if self.seconds else 0.0


def adapter_folder(folder: Path, name: str) -> Path:
    """The folder of an adapter in the `adapters` folder of a workspace.

    Raises:
        ConfigError: The name would lead elsewhere.
    """
    if name in ("", ".", "..") or Path(name).name != name:
        raise ConfigError(f"{name!r} is no name of an adapter: expected the name of one folder, without slashes.")
    return folder / name


def read_manifest(folder: Path) -> AdapterManifest:
    """Read what an adapter was made from.

    Raises:
        ConfigError: The folder is no adapter that was trained here, or its manifest is damaged.
    """
    file = folder / MANIFEST
    try:
        return AdapterManifest.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise ConfigError(f"{folder} is not an adapter trained by graft: it has no {MANIFEST}.") from error
    except ValidationError as error:
        raise ConfigError(
            f"{file} cannot be used: {describe_problems(error)}. Train the adapter again in a new folder."
        ) from error


def read_usable(folder: Path) -> AdapterManifest:
    """The manifest of an adapter that may be used.

    Raises:
        ConfigError: As `read_manifest`, or documents that it was trained on have been erased since.
    """
    manifest = read_manifest(folder)
    refuse_erased(folder)
    return manifest


def trained_on(folder: Path, ids: Collection[str]) -> tuple[Path, ...]:
    """Adapters directly below a folder that were trained on some chunks or documents, or that may have been.

    Runs that have not finished are among them, since what they are trained on is not written down yet.

    Args:
        folder: The `adapters` folder of a workspace; may be absent.
        ids: Ids of chunks and documents.
    """
    adapters = [
        adapter
        for adapter, manifest in list_adapters(folder)
        if manifest.sources is None or not set(ids).isdisjoint(manifest.sources)
    ]
    return (*adapters, *sorted(folder.glob(f"*{PARTIAL}")))


def flag_erased(folder: Path, ids: Collection[str]) -> tuple[Path, ...]:
    """Write into the manifests of the adapters of `trained_on` that they must not be used; remove unfinished runs.

    Their weights stay where they are: whether they may be kept is for their owner to decide. Copies that were made of
    them for llama.cpp are removed from the cache.

    Returns:
        The folders concerned.
    """
    adapters = trained_on(folder, ids)
    for adapter in adapters:
        if adapter.name.endswith(PARTIAL):
            shutil.rmtree(adapter)
            continue
        manifest = read_manifest(adapter)
        reason = "documents that it was trained on have been erased"
        if manifest.sources is None:
            reason = "documents have been erased, and what it was trained on is not known"
        # The cache is outside the workspace, where nobody would look for what was erased.
        remove_converted(manifest.adapter_digest)
        flagged = manifest.model_copy(update={"erased": reason})
        replace_text(adapter / MANIFEST, flagged.model_dump_json(indent=2) + "\n")
    return adapters


def list_adapters(folder: Path) -> tuple[tuple[Path, AdapterManifest], ...]:
    """Finished adapters directly below a folder, by name; unfinished runs are left out.

    Args:
        folder: For example the `adapters` folder of a workspace; may be absent.
    """
    if not folder.is_dir():
        return ()
    parents = (file.parent for file in folder.glob(f"*/{MANIFEST}"))
    adapters = sorted(parent for parent in parents if not parent.name.endswith(PARTIAL))
    return tuple((adapter, read_manifest(adapter)) for adapter in adapters)
