"""Documents to adapters, and what those have learnt: what `graft train` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.opening import PathLike, Spending, find_workspace, session
from models.errors import ConfigError
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from training.config import HopConfig, TrainConfig
    from training.probes.cloze import ClozeResult
    from training.probes.probe import ProbeResult


def train(
    workspace: PathLike | None = None,
    *,
    base: str = "smollm2-135m",
    config: TrainConfig | None = None,
    name: str | None = None,
    spending: Spending | None = None,
) -> Path:
    """Train a LoRA adapter on a workspace's documents.

    Args:
        workspace: The knowledge base.
        base: Model that is adapted (`configs/models`).
        config: Training settings.
        name: Folder name of the adapter; None takes the base's, or its file's.
        spending: Budget and progress.
    Returns:
        Folder of the adapter, in PEFT's own format.
    """
    from kg.workspace import Workspace
    from training.config import TrainConfig
    from training.data.dataset import open_training_set
    from training.runs.adapter import adapter_folder
    from training.train import train as fit

    config, spending = config or TrainConfig(), spending or Spending()
    with Workspace.open(find_workspace(workspace)) as space, session(space, spending) as paid:
        dataset = open_training_set(config, paid)
        own = Path(base).stem if base.endswith((".yaml", ".yml")) else base
        return fit(
            base,
            dataset.texts,
            config,
            adapter_folder(space.adapters_dir, own if name is None else name),
            spending.progress,
        )


def train_extractor(
    workspace: PathLike,
    *,
    base: str = "smollm2-135m",
    config: TrainConfig | None = None,
    name: str = "extractor",
    progress: Progress = SILENT,
) -> Path:
    """Train a small model to extract as the extractor of a workspace did; see `training.extractor`.

    Returns:
        YAML file of the trained model, to be named as an extractor.
    """
    from kg.workspace import Workspace
    from training.extractor import DEFAULTS
    from training.extractor import train_extractor as fit

    with Workspace.open(find_workspace(workspace)) as space:
        return fit(space, base, config or DEFAULTS, name, progress)


def train_hops(
    workspace: PathLike | None = None,
    *,
    sets: Sequence[PathLike] = (),
    out: PathLike | None = None,
    encoder: str = "minilm",
    model: str = "qwen-1.5b",
    paths: int = 400,
    config: HopConfig | None = None,
    spending: Spending | None = None,
) -> Path:
    """Train the adapter by which the retriever `graph` hops from passage to passage; see `training.hops`.

    Args:
        workspace: Makes questions from its graph's own paths and keeps the adapter, which goes on from the one that
            comes with its encoder, or begins from scratch; None trains a new one on `sets` alone.
        sets: Folders with passages and questions (`training.data.hop_sets`).
        out: Folder of the adapter; None is the workspace's own.
        encoder: Trained where there is no workspace, whose own it is otherwise.
        model: Chat model that writes the questions.
        paths: Most paths to ask about.
        config: Training settings.
        spending: Budget and progress.
    Returns:
        Folder of the adapter.
    """
    from training.config import HopConfig
    from training.data.hop_sets import read_hop_set
    from training.hops import train_hops as fit
    from training.workspace_hops import train_on_paths

    config, spending = config or HopConfig(), spending or Spending()
    given = [read_hop_set(Path(folder)) for folder in sets]
    target = Path(out) if out else None
    if workspace is None:
        if target is None:
            raise ConfigError("Without a workspace, say where the adapter goes: out, or --out DIR.")
        return fit(encoder, given, config, target, progress=spending.progress)
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space, session(space, spending) as paid:
        return train_on_paths(paid, given, config, model, paths, target)


def probe(
    workspace: PathLike | None, adapter: Path, base: str, progress: Progress = SILENT
) -> tuple[ProbeResult, ClozeResult | None]:
    """What an adapter has learnt of a workspace's own passages: their loss, and the names their sentences go on with.

    The second is None where the graph gives no cloze item, as one without entities does.
    """
    from kg.workspace import Workspace
    from training.data.texts import raw_texts
    from training.probes.cloze import ask as complete
    from training.probes.cloze import cloze_items
    from training.probes.probe import probe as measure

    with Workspace.open(find_workspace(workspace)) as space:
        texts, items = [text.text for text in raw_texts(space.store)], cloze_items(space.store)
    losses = measure(base, adapter, texts, progress)
    return losses, complete(base, adapter, items, progress) if items else None
