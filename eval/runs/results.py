"""Results as values and as JSON: read a finished run, list runs, compare two.

result = load_run(Path("workspaces/demo/runs/20310304T081500Z-saltmarsh-1f2e3d4c"))
for arm in result.arms:
    print(arm.name, arm.result.accuracy, arm.result.ci_low, arm.result.ci_high)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eval.runs.folder import SCHEMA_VERSION, RunFolder, run_folders
from eval.runs.summary import RetrievalResult, Row, compare_values, with_holm
from eval.types import ArmResult, Comparison, Item
from models.errors import InputError, StoreError

METRICS = "metrics.json"


@dataclass(frozen=True, slots=True)
class SetupCost:
    """What was spent before the first answer.

    Attributes:
        name: "index", "paraphrase", or "train: ADAPTER".
        seconds: Time of its models and stages on the clock, whenever that was; calls answered at once share it.
        tokens_in: Tokens read.
        tokens_out: Tokens written.
        usd: Price.
    """

    name: str
    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm: its row of the table, and what stands behind it.

    Attributes:
        result: The row.
        adapter: Name of its adapter, or "".
        retriever: Its context key, or "none".
        delta: Accuracy minus that of the closed-book arm, None for that arm itself.
        seeds: Accuracy by training seed, where there are several.
    """

    result: ArmResult
    adapter: str
    retriever: str
    delta: float | None = None
    seeds: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The arm."""
        return self.result.name


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run.

    Attributes:
        path: Its folder.
        created: When it began, ISO in UTC.
        headline: What accuracy means: "accuracy" of choices, "contains" or "exact_match".
        n: Planned items.
        failed: Samples that ended in an error, all arms.
        results_digest: Names the answers.
        arms: In the experiment's order.
        comparisons: Paired, corrected.
        retrieval: One row a retriever.
        setup: Cost of index and training.
    """

    path: Path
    created: str
    headline: str
    n: int
    failed: int
    results_digest: str
    arms: tuple[ArmSummary, ...]
    comparisons: tuple[Comparison, ...]
    retrieval: tuple[RetrievalResult, ...]
    setup: tuple[SetupCost, ...]

    @property
    def run(self) -> str:
        """The folder's name."""
        return self.path.name

    def arm(self, name: str) -> ArmSummary:
        """One arm by name.

        Raises:
            KeyError: There is no such arm.
        """
        return next((arm for arm in self.arms if arm.name == name), None) or _no_arm(name)


def _no_arm(name: str) -> ArmSummary:
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run of a list: `finished` is "" for one that can be resumed."""

    path: Path
    name: str
    created: str
    finished: str
    items: int
    reader: str


def to_json(result: RunResult) -> dict[str, Any]:
    """A run as JSON: the content of metrics.json, and what the command line prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": result.run,
        "created": result.created,
        "results_digest": result.results_digest,
        "n": result.n,
        "failed": result.failed,
        "headline": result.headline,
        "arms": [_arm_json(arm) for arm in result.arms],
        "comparisons": [asdict(comparison) for comparison in result.comparisons],
        "by_kind": _by_kind_json(result.arms),
        "retrieval": [asdict(row) for row in result.retrieval],
        "setup": [asdict(cost) for cost in result.setup],
    }


def _arm_json(arm: ArmSummary) -> dict[str, Any]:
    kinds = {kind: {"accuracy": value, "n": n} for kind, (value, n) in arm.result.by_kind.items()}
    extra = {"adapter": arm.adapter, "retriever": arm.retriever, "delta": arm.delta, "seeds": arm.seeds}
    return {**asdict(arm.result), "by_kind": kinds, **extra}


def _by_kind_json(arms: Sequence[ArmSummary]) -> dict[str, dict[str, dict[str, float]]]:
    kinds = sorted({kind for arm in arms for kind in arm.result.by_kind})
    return {
        kind: {
            arm.name: {"accuracy": arm.result.by_kind[kind][0], "n": arm.result.by_kind[kind][1]}
            for arm in arms
            if kind in arm.result.by_kind
        }
        for kind in kinds
    }


def from_json(values: Mapping[str, Any], path: Path) -> RunResult:
    """Rebuild a run from the content of its metrics.json.

    Raises:
        StoreError: It has another form.
    """
    try:
        return RunResult(
            path=path,
            created=values["created"],
            headline=values["headline"],
            n=values["n"],
            failed=values["failed"],
            results_digest=values["results_digest"],
            arms=tuple(_arm(row) for row in values["arms"]),
            comparisons=tuple(Comparison(**row) for row in values["comparisons"]),
            retrieval=tuple(RetrievalResult(**row) for row in values["retrieval"]),
            setup=tuple(SetupCost(**row) for row in values["setup"]),
        )
    except (KeyError, TypeError) as error:
        raise StoreError(f"{path.name}: {METRICS} has another form ({error}). Run the experiment again.") from error


def _arm(row: Mapping[str, Any]) -> ArmSummary:
    extra = {name: row[name] for name in ("adapter", "retriever", "delta", "seeds")}
    kinds = {kind: (cell["accuracy"], cell["n"]) for kind, cell in row["by_kind"].items()}
    fields = {name: value for name, value in row.items() if name not in extra}
    return ArmSummary(ArmResult(**{**fields, "by_kind": kinds}), **extra)


def load_run(folder: Path) -> RunResult:
    """Read a finished run.

    Raises:
        InputError: The folder is no run, or one that is not finished.
    """
    if not (folder / "manifest.json").is_file():
        raise InputError(f"{folder} is not a run folder: it has no manifest.json. `graft eval ls` lists the runs.")
    if not (folder / METRICS).is_file():
        raise InputError(f"The run {folder.name} is not finished. Start its experiment again to resume it.")
    return from_json(RunFolder(folder).read(METRICS), folder)


def setup_failures(folder: Path) -> dict[str, tuple[int, int]]:
    """Items that failed before the first answer, and those planned, by stage; stages without failures are left out."""
    manifest = RunFolder(folder).manifest()
    index, rewritten = manifest.get("index"), manifest.get("paraphrases")
    lost = {
        "index": (index["failed"], index["documents"] + index["chunks"]) if index else (0, 0),
        "paraphrase": (rewritten["failed"], rewritten["asked"]) if rewritten else (0, 0),
    }
    return {stage: counts for stage, counts in lost.items() if counts[0]}


def list_runs(workspace: Path) -> list[RunEntry]:
    """Runs of a workspace, the newest first.

    Args:
        workspace: The workspace's folder.
    """
    return [_entry(folder) for folder in run_folders(workspace / "runs")]


def _entry(folder: RunFolder) -> RunEntry:
    manifest = folder.manifest()
    task = manifest.get("task") or {}
    return RunEntry(
        path=folder.path,
        name=str(manifest.get("name", "")),
        created=str(manifest.get("created", "")),
        finished=str(manifest.get("finished") or ""),
        items=int(task.get("items", 0)),
        reader=str(manifest.get("reader", "")),
    )


def compare(run_a: RunResult, run_b: RunResult) -> tuple[Comparison, ...]:
    """Compare the arms that two runs share, on the items they share.

    Returns:
        One comparison an arm, `a` and `b` named "RUN:ARM", p-values corrected over all of them.
    Raises:
        InputError: The runs share no arm, or no item with the same question and answer.
    """
    folders = RunFolder(run_a.path), RunFolder(run_b.path)
    theirs = {item.id: item for item in folders[1].items()}
    items = [item for item in folders[0].items() if _same(item, theirs.get(item.id))]
    names = [arm.name for arm in run_a.arms if arm.name in {other.name for other in run_b.arms}]
    if not items or not names:
        what = "item" if not items else "arm"
        raise InputError(f"The runs {run_a.run} and {run_b.run} share no {what}, so they cannot be compared.")
    rows = [{row.name: row.values(items) for row in rows_of(folder)} for folder in folders]
    found = [
        compare_values((f"{run_a.run}:{name}", f"{run_b.run}:{name}"), rows[0][name], rows[1][name]) for name in names
    ]
    return with_holm(found)


def _same(item: Item, other: Item | None) -> bool:
    return other is not None and (item.question, item.choices, item.answers) == (
        other.question,
        other.choices,
        other.answers,
    )


def rows_of(folder: RunFolder) -> tuple[Row, ...]:
    """The rows of a run's table, from its manifest and samples."""
    samples = folder.samples()
    return tuple(
        Row(
            arm["name"],
            arm["retriever"],
            tuple({item: row for (owner, item), row in samples.items() if owner == name} for name in arm["samples"]),
        )
        for arm in folder.manifest()["arms"]
    )


def seed_accuracies(row: Row, items: Sequence[Item]) -> dict[str, float]:
    """Accuracy of each training seed of an arm; empty where there is only one."""
    if len(row.samples) < 2:
        return {}
    names = [next(iter(seed.values())).arm.rpartition("#")[2] for seed in row.samples]
    return {
        name: float(np.mean(Row(row.name, row.context_key, (seed,)).values(items)))
        for name, seed in zip(names, row.samples, strict=True)
    }
