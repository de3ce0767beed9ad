"""Sets an experiment up: builds the knowledge base and trains the adapters before the first item is answered.

kg and training do the work and skip what is done already; this module opens the models for them and collects the costs
for the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eval.arms.prices import price_of
from eval.config import Experiment
from eval.resolved import ResolvedExperiment
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
        folder: Folder of the adapter.
        digest: Digest of its weights.
        cost: Cost of its training.
    """

    folder: Path
    digest: str
    cost: SetupCost

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name


def build_index(resolved: ResolvedExperiment, session: Session, encoder: Encoder) -> tuple[IndexSummary, SetupCost]:
    """Build the workspace from the experiment's corpus, or bring it up to date.

    Raises:
        InputError: No document could be read.
        ModelError: The extractor cannot be reached.
        BudgetError: The budget is used up.
    """
    extractor = resolved.experiment.index.extractor
    summary = index_folder(session, _root(resolved, session.workspace), encoder)
    seconds = _on_the_clock(summary.seconds, extractor)
    usd = price_of(extractor)(summary.tokens_in, summary.tokens_out, seconds)
    return summary, SetupCost("index", seconds, summary.tokens_in, summary.tokens_out, usd, summary.tokens_estimated)


def _on_the_clock(seconds: float, model: str) -> float:
    """Wall-clock time of calls, given the sum of their times: several are made in parallel."""
    return seconds if model in WITHOUT_CHAT else seconds / calls_in_parallel(model)


def _root(resolved: ResolvedExperiment, workspace: Workspace) -> Path:
    """The folder that is indexed; the articles of RealTimeQA are written out for it first."""
    if resolved.articles is not None:
        return write_sources(resolved.articles.documents, workspace.path / SOURCES)
    documents = resolved.experiment.documents
    if documents is None or documents.path is None:
        raise ConfigError('This experiment has no corpus. Add a section "documents".')
    return resolved.experiment.path(documents.path)


@dataclass(frozen=True, slots=True)
class TrainedAdapters:
    """The adapters that the experiment trains.

    Attributes:
        adapters: Adapters by seed.
        costs: Costs beside their training: paraphrases.
        paraphrases: Counts of the paraphrases for the manifest; None without any.
    """

    adapters: Mapping[int, Adapter] = field(default_factory=dict)
    costs: tuple[SetupCost, ...] = ()
    paraphrases: dict[str, float] | None = None


def train_adapters(resolved: ResolvedExperiment, session: Session, store_digest: str) -> TrainedAdapters:
    """Train the experiment's adapter with every seed, or find it finished.

    Args:
        resolved: The experiment.
        session: Workspace, records, budget.
        store_digest: Digest of the store that the adapter is trained on; part of its folder's name.
    """
    section = resolved.experiment.train
    if section is None or not resolved.experiment.trains:
        return TrainedAdapters()
    configs = section.configs()
    first = next(iter(configs.values()))  # seeds share the texts
    dataset = open_training_set(first, session)
    adapters = {
        seed: _train_one(resolved, session, dataset.texts, config, store_digest) for seed, config in configs.items()
    }
    if dataset.paraphrased is None:
        return TrainedAdapters(adapters)
    made = dataset.paraphrased
    counts = {
        "asked": made.wanted,
        "failed": len(made.failed),
        "shortened": made.shortened,
        "names_kept": made.names_kept,
    }
    seconds = _on_the_clock(made.seconds, first.paraphraser)
    usd = price_of(first.paraphraser)(made.usage.tokens_in, made.usage.tokens_out, seconds)
    cost = SetupCost("paraphrase", seconds, made.usage.tokens_in, made.usage.tokens_out, usd, made.usage.estimated)
    return TrainedAdapters(adapters, (cost,), counts)


def _train_one(
    resolved: ResolvedExperiment,
    session: Session,
    texts: tuple[TrainingText, ...],
    config: TrainConfig,
    store_digest: str,
) -> Adapter:
    experiment = resolved.experiment
    # Everything that decides the weights is in the name: the same experiment finds its adapter again.
    identity = digest(resolved.models, config.digest, store_digest, texts_digest(texts))[:8]
    out = session.workspace.adapters_dir / f"{experiment.name}-seed{config.seed}-{identity}"
    train(experiment.reader_name, texts, config, out, session.progress)
    return find_adapter(out)


def find_adapter(folder: Path) -> Adapter:
    """An adapter of the workspace.

    Raises:
        ConfigError: There is none in `folder`, or its training texts have been erased.
    """
    manifest = read_usable(folder)
    cost = SetupCost(f"train: {folder.name}", manifest.seconds, manifest.tokens)
    return Adapter(folder, manifest.adapter_digest, cost)


def named_adapters(experiment: Experiment, adapters_dir: Path) -> Mapping[str, Adapter]:
    """The adapters of the workspace that arms name.

    Raises:
        ConfigError: An arm names an adapter that is not there, or one that was trained on other weights.
    """
    names = {arm.adapter for arm in experiment.arms if isinstance(arm.adapter, str)}
    for name in names:
        manifest = read_usable(adapters_dir / name)
        # An adapter fits only the weights it was trained on; on others it would run, and answer nonsense.
        if manifest.base_digest != identity(base_config(experiment.reader_name).weights):
            raise ConfigError(
                f'The adapter "{name}" was trained on {manifest.base_weights}, and the reader '
                f"{experiment.reader_name} has other weights. Name the reader it was trained on, or train it again."
            )
    return {name: find_adapter(adapters_dir / name) for name in sorted(names)}
