"""Runs an experiment: index, train, freeze contexts, answer, compute metrics. A stage that is done already is skipped.

    result = run_experiment(load_experiment("configs/experiments/demo.yaml"))
    print(result.arm("graph-rag").result.accuracy)

Contexts are frozen before the first item is answered, and everything that could be tuned (K, budget, scoring) comes
from the configuration, so that no arm can profit from the answers of another. Started again, the same experiment finds
its run folder and continues, or returns the finished run from its records without opening a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.arms.contexts import ContextSettings, ContextSources, freeze_contexts, missing_contexts
from eval.arms.oracle import Oracle
from eval.arms.prices import price_of
from eval.arms.readers import Readers
from eval.arms.score import AnswerSettings, Arm, answer_items, missing_samples
from eval.config import Experiment, load_experiment
from eval.finish import finish
from eval.resolved import ResolvedExperiment, kinds_of, resolve_experiment
from eval.runs.folder import RunFolder, create_run, find_runs
from eval.runs.results import METRICS, RunResult, SetupCost, load_run
from eval.setup import Adapter, build_index, named_adapters, train_adapters
from eval.systems import NONE, ORACLE, PLAIN, SystemConfig
from eval.tasks.gold import GoldFinder
from kg.session import Session, open_session
from kg.summary import IndexSummary
from models.calls.chats import Chats
from models.calls.records import Budget
from models.errors import ConfigError
from models.factory import open_chat, open_encoder, open_scorer
from models.protocols import ChatModel, ChoiceScorer, Encoder
from models.runtime.progress import SILENT, Progress
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.registry import open_retriever

__all__ = ["Experiment", "load_experiment", "run_experiment"]


@dataclass(frozen=True, slots=True)
class _Setup:
    """What is ready when the first item is answered.

    Attributes:
        arms: Arms as they are answered, one a training seed.
        systems: Arms of the configuration.
        adapters: All adapters that arms use.
        index: Counts of the knowledge base; None without a corpus.
        paraphrases: Counts of the paraphrases of training texts, or None.
        costs: Costs of the set-up.
    """

    arms: tuple[Arm, ...]
    systems: tuple[SystemConfig, ...]
    adapters: tuple[Adapter, ...]
    index: IndexSummary | None
    paraphrases: dict[str, float] | None
    costs: tuple[SetupCost, ...]

    @property
    def keys(self) -> list[str]:
        """Keys of the contexts that are frozen, each once."""
        return list(dict.fromkeys(arm.context_key for arm in self.arms if arm.context_key != NONE))


def run_experiment(
    experiment: Experiment,
    *,
    workspace: Path | None = None,
    budget: Budget | None = None,
    progress: Progress = SILENT,
    retry_failed: bool = False,
) -> RunResult:
    """Run an experiment, or continue it, or read its finished run.

    Args:
        experiment: The experiment.
        workspace: Folder of the knowledge base and its runs; None takes the one that the experiment names, relative to
            the current folder.
        budget: Limits on calls and cost of this start.
        progress: Where progress is shown, one step a stage and arm.
        retry_failed: Whether items that failed in an earlier start are tried again.
    Returns:
        The finished run.
    Raises:
        ConfigError: A name or setting is wrong.
        InputError: Questions or documents cannot be used.
        ModelError: A model cannot be reached.
        BudgetError: The budget is used up; the same call with a larger one continues.
    """
    resolved = resolve_experiment(experiment)
    folder = workspace or Path(experiment.workspace)
    # Before any model or store is opened, so that printing a finished run is instant.
    finished = None if retry_failed else _finished(resolved, folder)
    if finished is not None:
        return load_run(finished.path)
    with open_session(folder, resolved.experiment.index, budget, progress, retry_failed) as session:
        return _ExperimentRun(resolved, session).run()


def _finished(resolved: ResolvedExperiment, workspace: Path) -> RunFolder | None:
    """The newest finished run of this experiment on these inputs, with the adapters that its arms name."""
    runs = find_runs(workspace / "runs", resolved.config_hash, resolved.inputs)
    named = {
        adapter.name: adapter.digest for adapter in named_adapters(resolved.experiment, workspace / "adapters").values()
    }
    for run in runs:
        manifest = run.manifest()
        known = manifest["digests"]["adapters"]
        if manifest["finished"] and run.file(METRICS).is_file() and named.items() <= known.items():
            return run
    return None


class _ExperimentRun:
    """One start of an experiment."""

    def __init__(self, resolved: ResolvedExperiment, session: Session) -> None:
        self.resolved = resolved
        self.experiment = resolved.experiment
        self.session = session
        self._encoder: Encoder | None = None

    def run(self) -> RunResult:
        """All stages in order."""
        setup = self.prepare()
        run = self.open_run(setup)
        with self.readers(run) as readers:
            self.freeze_contexts(run, setup, readers)
            self.answer(run, setup, readers)
        return finish(run, self.experiment)

    @property
    def encoder(self) -> Encoder:
        """The encoder of the workspace, opened on first use."""
        if self._encoder is None:
            self._encoder = open_encoder(self.experiment.index.encoder, self.session.progress)
        return self._encoder

    def prepare(self) -> _Setup:
        """Build the index and train the adapters."""
        summary, costs = None, []
        if self.experiment.documents is not None:
            summary, cost = build_index(self.resolved, self.session, self.encoder)
            costs.append(cost)
        trained = train_adapters(self.resolved, self.session, summary.digest if summary else "")
        named = named_adapters(self.experiment, self.session.workspace.adapters_dir)
        used = (*trained.adapters.values(), *named.values())
        return _Setup(
            arms=tuple(arm for system in self.experiment.arms for arm in _arms(system, trained.adapters, named)),
            systems=self.experiment.arms,
            adapters=used,
            index=summary,
            paraphrases=trained.paraphrases,
            costs=(*costs, *trained.costs, *(adapter.cost for adapter in used)),
        )

    def open_run(self, setup: _Setup) -> RunFolder:
        """The newest run of this experiment on exactly this knowledge base and these adapters, or a new one."""
        digests = {
            "store": setup.index.digest if setup.index else "",
            "adapters": {adapter.name: adapter.digest for adapter in setup.adapters},
        }
        runs_dir = self.session.workspace.runs_dir
        for run in find_runs(runs_dir, self.resolved.config_hash, self.resolved.inputs):
            known = run.manifest()["digests"]
            if {name: known.get(name) for name in digests} == digests:
                # A start that was killed may have left a line half written.
                run.repair()
                return run
        manifest = self.manifest(setup, {**digests, "readers": {}, "retrievers": {}})
        return create_run(runs_dir, manifest, self.resolved.yaml(), self.resolved.items)

    def manifest(self, setup: _Setup, digests: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of the manifest that the experiment gives."""
        experiment, items = self.experiment, self.resolved.items
        train = experiment.train
        return {
            "name": experiment.name,
            "config_hash": self.resolved.config_hash,
            "inputs": self.resolved.inputs,
            "digests": digests,
            "seeds": {"experiment": experiment.seed, "train": list(train.configs()) if train else []},
            "task": {
                "name": Path(experiment.task.paths[0]).stem,
                "format": experiment.task.format,
                "items": len(items),
                "kinds": kinds_of(items),
                "choices": self.resolved.choices,
            },
            "reader": _short(experiment.reader),
            "scoring": experiment.scoring,
            "normalisation": experiment.normalisation,
            "context_tokens": experiment.context_tokens,
            "passages": experiment.passages,
            "index": _index_counts(setup.index),
            "paraphrases": setup.paraphrases,
            "arms": _arm_rows(setup),
            "adapters": [
                {
                    "name": adapter.name,
                    "digest": adapter.digest,
                    "seconds": adapter.cost.seconds,
                    "tokens": adapter.cost.tokens_in,
                }
                for adapter in setup.adapters
            ],
            "setup": [asdict(cost) for cost in setup.costs],
        }

    def readers(self, run: RunFolder) -> Readers:
        """The reader, opened only when it is needed; its digests are kept in the manifest."""
        name, session = self.experiment.reader_name, self.session

        def scorer(adapter: Path | None) -> ChoiceScorer:
            return open_scorer(name, adapter, session.records, session.budget, session.progress)

        def chat(adapter: Path | None) -> ChatModel:
            return open_chat(name, session.records, session.budget, adapter, session.progress)

        def note(reader: str, digest: str) -> None:
            known = run.manifest()["digests"]
            run.update_manifest(digests={"readers": {**known["readers"], reader: digest}})

        return Readers(scorer, chat, run.manifest()["digests"]["readers"], note)

    def freeze_contexts(self, run: RunFolder, setup: _Setup, readers: Readers) -> None:
        """Freeze the missing contexts."""
        missing = missing_contexts(run, setup.keys, self.resolved.items, self.session.retry_failed)
        if not missing:
            return
        settings = ContextSettings(
            self.experiment.passages,
            self.experiment.context_tokens,
            readers.token_counter(self.resolved.choices),
            self.experiment.query,
            self.experiment.packing,
        )
        with Chats(self.session.open_chat) as chats:
            freeze_contexts(run, missing, self.sources(run, setup, chats), settings, self.session.progress)

    def sources(self, run: RunFolder, setup: _Setup, chats: Chats) -> ContextSources:
        """The retrievers on the workspace's index, and the gold.

        Raises:
            ConfigError: A retriever is another one than this run began with.
        """
        store = self.session.workspace.store
        # One index for all retrievers, so that they differ in nothing but how they search.
        index = GraphIndex.of(self.session.workspace, self.encoder, self.session.progress)
        systems = {system.context_key: system for system in setup.systems if system.retriever not in (NONE, ORACLE)}
        retrievers = {
            key: open_retriever(system.retriever, index, self.encoder, system.settings, chats)
            for key, system in systems.items()
        }
        plain = retrievers.get(PLAIN) or open_retriever(PLAIN, index, self.encoder, {})
        _check_retrievers(run, {key: retriever.digest for key, retriever in retrievers.items()}, self.encoder.digest)
        finder = GoldFinder(store)
        gold = finder.find_all(self.resolved.items)
        return ContextSources(retrievers, Oracle(gold, finder.documents, index, plain), finder.owner, gold)

    def answer(self, run: RunFolder, setup: _Setup, readers: Readers) -> None:
        """Answer the missing items."""
        missing = missing_samples(run, setup.arms, self.resolved.items, self.session.retry_failed)
        if any(missing.values()):
            run.update_manifest(finished=None)  # killed from here on, the run must not look finished
        price = price_of(self.experiment.reader_name)
        settings = AnswerSettings(self.experiment.marking, self.resolved.prompts, price)
        answer_items(run, setup.arms, missing, readers, settings, self.session.progress)


def _arms(system: SystemConfig, trained: Mapping[int, Adapter], named: Mapping[str, Adapter]) -> list[Arm]:
    """The arms of a system: one, or one for every training seed."""
    if system.adapter is False:
        return [Arm(system.name, system.name, system.context_key, marginal=system.marginal)]
    if isinstance(system.adapter, str):
        folder = named[system.adapter].folder
        return [Arm(system.name, system.name, system.context_key, folder, system.marginal)]
    return [
        Arm(
            system.name if len(trained) == 1 else f"{system.name}#{seed}",
            system.name,
            system.context_key,
            adapter.folder,
            system.marginal,
        )
        for seed, adapter in trained.items()
    ]


def _short(name: str) -> str:
    """A model's name without the folder of its file."""
    return Path(name).stem if name.endswith((".yaml", ".yml")) else name


def _arm_rows(setup: _Setup) -> list[dict[str, Any]]:
    rows = []
    for system in setup.systems:
        arms = [arm for arm in setup.arms if arm.system == system.name]
        adapter = ", ".join(arm.adapter.name for arm in arms if arm.adapter)
        rows.append(
            {
                "name": system.name,
                "adapter": adapter,
                "retriever": system.context_key,
                "samples": [arm.name for arm in arms],
            }
        )
    return rows


def _index_counts(summary: IndexSummary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    names = ("documents", "chunks", "entities", "facts", "communities", "failed", "skipped", "dropped")
    counts: dict[str, Any] = {name: getattr(summary, name) for name in names}
    items = ("counts", "failures", "skips", "notices")
    whole = asdict(summary)
    return counts | {name: whole[name] for name in items}


def _check_retrievers(run: RunFolder, digests: Mapping[str, str], encoder: str) -> None:
    known = run.manifest()["digests"]
    changed = [key for key, digest in digests.items() if known["retrievers"].get(key, digest) != digest]
    if changed or known.get("encoder", encoder) != encoder:
        raise ConfigError(
            f"The run {run.name} began with another version of {', '.join(changed) or 'the encoder'}, so its missing "
            "contexts would not be comparable. Give the experiment another name to begin a new run."
        )
    run.update_manifest(digests={"encoder": encoder, "retrievers": {**known["retrievers"], **digests}})
