"""What must stand before the first question: the knowledge base and the adapters.

Both are done by their own packages, which skip what their records say is done; here models are opened for
them and closed again, and what it all cost is put in one place for the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eval.arms.prices import price_of
from eval.config import Experiment
from eval.resolved import Resolved
from eval.runs.results import SetupCost
from eval.tasks.realtimeqa import write_sources
from kg.extraction.registry import WITHOUT_CHAT
from kg.indexing import index_folder
from kg.session import Session
from kg.summary import IndexSummary
from kg.workspace import Workspace
from models.errors import ConfigError
from models.factory import calls_in_parallel
from models.files.digest import digest
from models.protocols import Encoder
from models.weights.resolve import identity
from training.config import TrainConfig
from training.data.dataset import open_training_set
from training.data.texts import TrainingText, texts_digest
from training.runs.adapter import read_usable
from training.runs.request import base_config
from training.train import train

SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A trained adapter.

    Attributes:
        folder: Where it is.
        digest: Of its weights.
        cost: What its training cost.
    """

    folder: Path
    digest: str
    cost: SetupCost

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name


def build_index(resolved: Resolved, session: Session, encoder: Encoder) -> tuple[IndexSummary, SetupCost]:
    """Bring the workspace to hold the experiment's corpus.

    Raises:
        InputError: No document could be read.
        ModelError: The extractor cannot be reached.
        BudgetReached: The budget is used up.
    """
    extractor = resolved.experiment.index.extractor
    summary = index_folder(session, _root(resolved, session.workspace), encoder)
    seconds = _on_the_clock(summary.seconds, extractor)
    usd = price_of(extractor)(summary.tokens_in, summary.tokens_out, seconds)
    return summary, SetupCost("index", seconds, summary.tokens_in, summary.tokens_out, usd)


def _on_the_clock(seconds: float, model: str) -> float:
    """What calls that took so long in sum take on the clock, so many of them being answered at once."""
    return seconds if model in WITHOUT_CHAT else seconds / calls_in_parallel(model)


def _root(resolved: Resolved, workspace: Workspace) -> Path:
    """The folder that is indexed; the articles of RealTimeQA are written out for it first."""
    if resolved.articles is not None:
        return write_sources(resolved.articles.documents, workspace.path / SOURCES)
    documents = resolved.experiment.documents
    if documents is None or documents.path is None:
        raise ConfigError('This experiment has no corpus: add a section "documents".')
    return resolved.experiment.path(documents.path)


@dataclass(frozen=True, slots=True)
class Trained:
    """The adapters that the experiment trains.

    Attributes:
        adapters: By seed.
        costs: What was spent beside their training: paraphrases.
        paraphrases: How those went, for the manifest, or None.
    """

    adapters: Mapping[int, Adapter] = field(default_factory=dict)
    costs: tuple[SetupCost, ...] = ()
    paraphrases: dict[str, float] | None = None


def train_adapters(resolved: Resolved, session: Session, store_digest: str) -> Trained:
    """Train the experiment's adapter with every seed, or find it finished.

    Args:
        resolved: The experiment.
        session: Workspace, records, budget.
        store_digest: Names what the adapter is trained on; part of its folder's name.
    """
    section = resolved.experiment.train
    if section is None or not resolved.experiment.trains:
        return Trained()
    configs = section.configs()
    first = next(iter(configs.values()))  # seeds share the texts
    dataset = open_training_set(first, session)
    adapters = {
        seed: _train_one(resolved, session, dataset.texts, config, store_digest) for seed, config in configs.items()
    }
    if dataset.paraphrased is None:
        return Trained(adapters)
    made = dataset.paraphrased
    counts = {
        "asked": made.asked,
        "failed": len(made.failed),
        "shortened": made.shortened,
        "names_kept": made.names_kept,
    }
    seconds = _on_the_clock(made.seconds, first.paraphraser)
    usd = price_of(first.paraphraser)(made.usage.tokens_in, made.usage.tokens_out, seconds)
    cost = SetupCost("paraphrase", seconds, made.usage.tokens_in, made.usage.tokens_out, usd)
    return Trained(adapters, (cost,), counts)


def _train_one(
    resolved: Resolved, session: Session, texts: tuple[TrainingText, ...], config: TrainConfig, store_digest: str
) -> Adapter:
    experiment = resolved.experiment
    identity = digest(resolved.models, config.digest, store_digest, texts_digest(texts))[:8]
    out = session.workspace.adapters_dir / f"{experiment.name}-seed{config.seed}-{identity}"
    train(experiment.reader_name, texts, config, out, session.progress)
    return find_adapter(out)


def find_adapter(folder: Path) -> Adapter:
    """An adapter of the workspace.

    Raises:
        ConfigError: There is none at `folder`, or what it was trained on has been erased.
    """
    manifest = read_usable(folder)
    cost = SetupCost(f"train: {folder.name}", manifest.seconds, manifest.tokens)
    return Adapter(folder, manifest.adapter_digest, cost)


def named_adapters(experiment: Experiment, adapters_dir: Path) -> Mapping[str, Adapter]:
    """The workspace's adapters that arms name.

    Raises:
        ConfigError: An arm names one that is not there.
    """
    names = {arm.adapter for arm in experiment.arms if isinstance(arm.adapter, str)}
    for name in names:
        manifest = read_usable(adapters_dir / name)
        if manifest.base_digest != identity(base_config(experiment.reader_name).weights):
            raise ConfigError(
                f'The adapter "{name}" was trained on {manifest.base_weights}, and the reader '
                f"{experiment.reader_name} has other weights. Name the reader it was trained on, or train anew."
            )
    return {name: find_adapter(adapters_dir / name) for name in sorted(names)}
