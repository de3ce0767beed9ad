"""Adapters trained on a knowledge base, and what they learnt: what `graft train` does."""

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
    """Train a LoRA adapter on the passages of a knowledge base.

    Args:
        workspace: Folder of the knowledge base; None finds the only one (see `app.opening.find_workspace`).
        base: Language model to train the adapter for: a name in `configs/models`, or a YAML file.
        config: Training settings; None for the defaults.
        name: Name of the adapter's folder; None for the name of the base model.
        spending: Budget and progress; only paraphrases call a model.
    Returns:
        Folder of the adapter, in PEFT's format.
    Raises:
        ConfigError: The base model does not exist or cannot be trained, or the folder holds another adapter.
        InputError: The knowledge base has no passages.
        ModelError: A model cannot be loaded or reached.
        BudgetError: The budget is used up; the same call resumes.

    Example:
        ```python
        from training.config import TrainConfig

        folder = train("kb", config=TrainConfig(epochs=6, paraphrases=2))
        ```
    """
    from kg.workspace import Workspace
    from training.config import TrainConfig
    from training.data.dataset import open_training_set
    from training.runs.adapter import adapter_folder
    from training.train import train as train_adapter

    config, spending = config or TrainConfig(), spending or Spending()
    with Workspace.open(find_workspace(workspace)) as space, session(space, spending) as paid:
        dataset = open_training_set(config, paid)
        base_name = Path(base).stem if base.endswith((".yaml", ".yml")) else base
        folder = adapter_folder(space.adapters_dir, base_name if name is None else name)
        return train_adapter(base, dataset.texts, config, folder, spending.progress)


def train_extractor(
    workspace: PathLike,
    *,
    base: str = "smollm2-135m",
    config: TrainConfig | None = None,
    name: str = "extractor",
    progress: Progress = SILENT,
) -> Path:
    """Train a small model to extract facts as the extractor of a knowledge base did. No model is called.

    Args:
        workspace: Folder of the knowledge base, whose passages and facts are the examples.
        base: Language model to train the adapter for: a name in `configs/models`, or a YAML file.
        config: Training settings; None for `training.extractor.DEFAULTS`.
        name: Name of the adapter's folder.
        progress: Where progress is shown.
    Returns:
        YAML file of the trained model, which other knowledge bases name as their extractor.
    Raises:
        ConfigError: The base model does not exist or cannot be trained, or the folder holds another adapter.
        InputError: The knowledge base has no facts to learn from.
        ModelError: The base model cannot be loaded.

    Example:
        ```python
        file = train_extractor("kb")
        index("more/", "kb2", extractor=str(file))
        ```
    """
    from kg.workspace import Workspace
    from training.extractor import DEFAULTS
    from training.extractor import train_extractor as train_model

    with Workspace.open(find_workspace(workspace)) as space:
        return train_model(space, base, config or DEFAULTS, name, progress)


def train_hops(
    workspace: PathLike | None = None,
    *,
    datasets: Sequence[PathLike] = (),
    out: PathLike | None = None,
    encoder: str = "minilm",
    model: str = "qwen-1.5b",
    paths: int = 400,
    config: HopConfig | None = None,
    spending: Spending | None = None,
) -> Path:
    """Train the adapter of the encoder with which the retriever `graph` follows facts from passage to passage.

    Args:
        workspace: Folder of a knowledge base, about whose graph questions are written; its adapter continues from the
            one that comes with its encoder. None trains on `datasets` alone.
        datasets: Folders with passages and questions of your own (`training.data.hop_sets`).
        out: Folder of the adapter; None for the workspace's own. Required without a workspace.
        encoder: Embedding model to train where there is no workspace; with one, the workspace's own is trained.
        model: Chat model that writes the questions.
        paths: Maximum number of paths of the graph to write questions about.
        config: Training settings; None for the defaults.
        spending: Budget and progress; only writing questions calls a model.
    Returns:
        Folder of the adapter.
    Raises:
        ConfigError: There is neither a workspace nor `out`, or the encoder cannot be trained.
        InputError: There is no usable question.
        ModelError: A model cannot be loaded or reached.
        BudgetError: The budget is used up; the same call resumes.

    Example:
        ```python
        folder = train_hops(datasets=["hotpot_train"], out="adapters/my-hops")
        ```
    """
    from training.config import HopConfig
    from training.data.hop_sets import read_hop_set
    from training.hops import train_hops as train_encoder
    from training.workspace_hops import train_on_paths

    config, spending = config or HopConfig(), spending or Spending()
    questions = [read_hop_set(Path(folder)) for folder in datasets]
    target = Path(out) if out else None
    if workspace is None:
        if target is None:
            raise ConfigError(
                "Without a workspace, the adapter needs a folder. Name it with `out`, or with --out DIR on the command "
                "line."
            )
        return train_encoder(encoder, questions, config, target, progress=spending.progress)
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space, session(space, spending) as paid:
        return train_on_paths(paid, questions, config, model, paths, target)


def probe(
    workspace: PathLike | None, adapter: Path, base: str, progress: Progress = SILENT
) -> tuple[ProbeResult, ClozeResult | None]:
    """Evaluate what an adapter learnt of a knowledge base's passages.

    Args:
        workspace: Folder of the knowledge base; None finds the only one.
        adapter: Folder of the adapter.
        base: Language model that the adapter was trained for.
        progress: Where progress is shown.
    Returns:
        The loss on the passages in nats per token, without and with the adapter; and the accuracy at choosing the right
        one of four names that complete a sentence, None where the graph gives no such sentence.
    Raises:
        ConfigError: The workspace or the base model does not exist.
        ModelError: A model cannot be loaded.

    Example:
        ```python
        losses, cloze = probe("kb", Path("kb/adapters/smollm2-135m"), "smollm2-135m")
        print(losses.loss_base, losses.loss_adapter)
        ```
    """
    from kg.workspace import Workspace
    from training.data.texts import raw_texts
    from training.probes.cloze import answer_items as complete
    from training.probes.cloze import cloze_items
    from training.probes.probe import probe as measure_loss

    with Workspace.open(find_workspace(workspace)) as space:
        texts = [text.text for text in raw_texts(space.store)]
        items = cloze_items(space.store)
    losses = measure_loss(base, adapter, texts, progress)
    return losses, complete(base, adapter, items, progress) if items else None
