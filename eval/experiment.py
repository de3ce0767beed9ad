"""The whole comparison: index, train, freeze contexts, answer, count. Each stage is skipped where its records say done.

    result = run_experiment(load_experiment("configs/experiments/demo.yaml"))
    print(result.arm("graph-rag").result.accuracy)

The order on disk is the order of the rules: contexts are frozen before the first answer, and everything that
could be tuned (K, budget, scoring) comes from the configuration. Started again, the same experiment finds its
run folder and goes on, or prints it from its records without opening a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.arms.contexts import Packing, Sources, freeze, missing_contexts
from eval.arms.oracle import Oracle
from eval.arms.prices import price_of
from eval.arms.readers import Readers
from eval.arms.score import Arm, Asking, missing_samples, score
from eval.config import Experiment, load_experiment
from eval.finish import finish
from eval.plan import Plan, plan
from eval.resolved import Resolved, kinds_of, resolve_experiment
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

__all__ = ["Experiment", "Plan", "load_experiment", "plan", "run_experiment"]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What stands when the questions begin.

    Attributes:
        arms: As they are answered, one a training seed.
        systems: The arms of the configuration.
        adapters: All that arms use.
        index: State of the knowledge base, or None without a corpus.
        paraphrases: How the rewriting of training texts went, or None.
        costs: Setup costs.
    """

    arms: tuple[Arm, ...]
    systems: tuple[SystemConfig, ...]
    adapters: tuple[Adapter, ...]
    index: IndexSummary | None
    paraphrases: dict[str, float] | None
    costs: tuple[SetupCost, ...]

    @property
    def keys(self) -> list[str]:
        """Context keys that are frozen, each once."""
        return list(dict.fromkeys(arm.context_key for arm in self.arms if arm.context_key != NONE))


def run_experiment(
    experiment: Experiment,
    *,
    workspace: Path | None = None,
    budget: Budget | None = None,
    progress: Progress = SILENT,
    retry_failed: bool = False,
) -> RunResult:
    """Run an experiment, or go on with it, or read its finished run.

    Args:
        experiment: What is compared.
        workspace: Folder of the knowledge base and its runs; None takes the experiment's own, from the
            current folder.
        budget: What may be spent in this start.
        progress: One step a stage and arm.
        retry_failed: Try again what failed in an earlier start.
    Returns:
        The finished run.
    Raises:
        ConfigError: A name or setting is wrong.
        InputError: Questions or documents cannot be used.
        ModelError: A model cannot be reached.
        BudgetReached: The budget is used up; the same call with a larger one goes on.
    """
    resolved = resolve_experiment(experiment)
    folder = workspace or Path(experiment.workspace)
    finished = None if retry_failed else _finished(resolved, folder)
    if finished is not None:
        return load_run(finished.path)
    with open_session(folder, resolved.experiment.index, budget, progress, retry_failed) as session:
        return _Running(resolved, session).run()


def _finished(resolved: Resolved, workspace: Path) -> RunFolder | None:
    """The newest finished run of this experiment on these inputs."""
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


class _Running:
    """One start of an experiment."""

    def __init__(self, resolved: Resolved, session: Session) -> None:
        self.resolved = resolved
        self.experiment = resolved.experiment
        self.session = session
        self._encoder: Encoder | None = None

    def run(self) -> RunResult:
        """All stages in order."""
        prepared = self.prepare()
        run = self.open_run(prepared)
        with self.readers(run) as readers:
            self.freeze(run, prepared, readers)
            self.answer(run, prepared, readers)
        return finish(run, self.experiment)

    @property
    def encoder(self) -> Encoder:
        """The encoder of the workspace, opened on first use."""
        if self._encoder is None:
            self._encoder = open_encoder(self.experiment.index.encoder, self.session.progress)
        return self._encoder

    def prepare(self) -> _Prepared:
        """Index and adapters."""
        summary, costs = None, []
        if self.experiment.documents is not None:
            summary, cost = build_index(self.resolved, self.session, self.encoder)
            costs.append(cost)
        trained = train_adapters(self.resolved, self.session, summary.digest if summary else "")
        named = named_adapters(self.experiment, self.session.workspace.adapters_dir)
        used = (*trained.adapters.values(), *named.values())
        return _Prepared(
            arms=tuple(arm for system in self.experiment.arms for arm in _arms(system, trained.adapters, named)),
            systems=self.experiment.arms,
            adapters=used,
            index=summary,
            paraphrases=trained.paraphrases,
            costs=(*costs, *trained.costs, *(adapter.cost for adapter in used)),
        )

    def open_run(self, prepared: _Prepared) -> RunFolder:
        """The newest run of this experiment on this very knowledge base and these adapters, or a new one."""
        digests = {
            "store": prepared.index.digest if prepared.index else "",
            "adapters": {adapter.name: adapter.digest for adapter in prepared.adapters},
        }
        runs_dir = self.session.workspace.runs_dir
        for run in find_runs(runs_dir, self.resolved.config_hash, self.resolved.inputs):
            known = run.manifest()["digests"]
            if {name: known.get(name) for name in digests} == digests:
                run.repair()
                return run
        manifest = self.manifest(prepared, {**digests, "readers": {}, "retrievers": {}})
        return create_run(runs_dir, manifest, self.resolved.yaml(), self.resolved.items)

    def manifest(self, prepared: _Prepared, digests: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest's fields that the experiment gives."""
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
            "index": _index_counts(prepared.index),
            "paraphrases": prepared.paraphrases,
            "arms": _arm_rows(prepared),
            "adapters": [
                {
                    "name": adapter.name,
                    "digest": adapter.digest,
                    "seconds": adapter.cost.seconds,
                    "tokens": adapter.cost.tokens_in,
                }
                for adapter in prepared.adapters
            ],
            "setup": [asdict(cost) for cost in prepared.costs],
        }

    def readers(self, run: RunFolder) -> Readers:
        """The reader, to be opened when it is needed; its digests are kept in the manifest."""
        name, session = self.experiment.reader_name, self.session

        def scorer(adapter: Path | None) -> ChoiceScorer:
            return open_scorer(name, adapter, session.records, session.budget, session.progress)

        def chat(adapter: Path | None) -> ChatModel:
            return open_chat(name, session.records, session.budget, adapter, session.progress)

        def note(reader: str, digest: str) -> None:
            known = run.manifest()["digests"]
            run.update_manifest(digests={"readers": {**known["readers"], reader: digest}})

        return Readers(scorer, chat, run.manifest()["digests"]["readers"], note)

    def freeze(self, run: RunFolder, prepared: _Prepared, readers: Readers) -> None:
        """Freeze the contexts that are missing."""
        missing = missing_contexts(run, prepared.keys, self.resolved.items, self.session.retry_failed)
        if not missing:
            return
        packing = Packing(
            self.experiment.passages,
            self.experiment.context_tokens,
            readers.token_counter(self.resolved.choices),
            self.experiment.query,
            self.experiment.packing,
        )
        with Chats(self.session.open_chat) as chats:
            freeze(run, missing, self.sources(run, prepared, chats), packing, self.session.progress)

    def sources(self, run: RunFolder, prepared: _Prepared, chats: Chats) -> Sources:
        """The retrievers over the workspace's index, and the gold.

        Raises:
            ConfigError: A retriever is not the one that this run began with.
        """
        store = self.session.workspace.store
        index = GraphIndex.of(self.session.workspace, self.encoder, self.session.progress)
        systems = {system.context_key: system for system in prepared.systems if system.retriever not in (NONE, ORACLE)}
        retrievers = {
            key: open_retriever(system.retriever, index, self.encoder, system.settings, chats)
            for key, system in systems.items()
        }
        plain = retrievers.get(PLAIN) or open_retriever(PLAIN, index, self.encoder, {})
        _check_retrievers(run, {key: retriever.digest for key, retriever in retrievers.items()}, self.encoder.digest)
        finder = GoldFinder(store)
        gold = finder.find_all(self.resolved.items)
        return Sources(retrievers, Oracle(gold, finder.documents, index, plain), finder.owner, gold)

    def answer(self, run: RunFolder, prepared: _Prepared, readers: Readers) -> None:
        """Answer what is missing."""
        missing = missing_samples(run, prepared.arms, self.resolved.items, self.session.retry_failed)
        if any(missing.values()):
            run.update_manifest(finished=None)  # a kill from here on must not leave an old table that looks finished
        asking = Asking(self.experiment.marking, self.resolved.prompts, price_of(self.experiment.reader_name))
        score(run, prepared.arms, missing, readers, asking, self.session.progress)


def _arms(system: SystemConfig, trained: Mapping[int, Adapter], named: Mapping[str, Adapter]) -> list[Arm]:
    """One arm, or one for every training seed."""
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


def _arm_rows(prepared: _Prepared) -> list[dict[str, Any]]:
    rows = []
    for system in prepared.systems:
        arms = [arm for arm in prepared.arms if arm.system == system.name]
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


def _index_counts(summary: IndexSummary | None) -> dict[str, int] | None:
    names = ("documents", "chunks", "entities", "facts", "communities", "failed", "skipped", "dropped")
    return {name: getattr(summary, name) for name in names} if summary else None


def _check_retrievers(run: RunFolder, digests: Mapping[str, str], encoder: str) -> None:
    known = run.manifest()["digests"]
    changed = [key for key, digest in digests.items() if known["retrievers"].get(key, digest) != digest]
    if changed or known.get("encoder", encoder) != encoder:
        raise ConfigError(
            f"The run {run.name} began with another version of {', '.join(changed) or 'the encoder'}, so its missing "
            "contexts would not be comparable. Give the experiment another name to begin a new run."
        )
    run.update_manifest(digests={"encoder": encoder, "retrievers": {**known["retrievers"], **digests}})
