"""A finished run as values and as JSON: reads one, lists all, compares two.

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
from eval.runs.summary import RetrievalResult, SummaryRow, compare_values, with_holm
from eval.types import ArmResult, Comparison, Item, Sample
from models.errors import InputError, StoreError

METRICS = "metrics.json"


@dataclass(frozen=True, slots=True)
class SetupCost:
    """What was spent before the first answer.

    Attributes:
        name: "index", "paraphrase", or "train: ADAPTER".
        seconds: Wall-clock time of its models and stages, in this start or an earlier one; parallel calls share it.
        tokens_in: Tokens read.
        tokens_out: Tokens written.
        usd: Cost in US dollars.
        estimated: Whether some of the tokens are estimates, since a server stated none.
    """

    name: str
    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm: its row of the table, its adapter and its retriever.

    Attributes:
        result: The row.
        adapter: Name of its adapter, or "".
        retriever: Its context key, or "none".
        delta: Accuracy minus that of the closed-book arm; None for that arm itself.
        seeds: Accuracy by training seed; empty if there is only one.
    """

    result: ArmResult
    adapter: str
    retriever: str
    delta: float | None = None
    seeds: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the arm."""
        return self.result.name


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run.

    Attributes:
        path: Folder of the run.
        created: Time of its beginning, ISO in UTC.
        headline: Metric behind "accuracy": "accuracy" of choices, "contains" or "exact_match".
        n: Number of planned items.
        failed: Number of samples that ended in an error, over all arms.
        results_digest: Digest of the answers.
        arms: Arms, in the experiment's order.
        comparisons: Paired comparisons, with corrected p-values.
        retrieval: Quality of contexts, one entry a retriever.
        setup: Costs of index and training.
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
    """One run of a list; `finished` is "" for a run that can be resumed."""

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
        "retrieval": [asdict(scores) for scores in result.retrieval],
        "setup": [asdict(cost) for cost in result.setup],
    }


def _arm_json(arm: ArmSummary) -> dict[str, Any]:
    kinds = {kind: {"accuracy": value, "n": n} for kind, (value, n) in arm.result.by_kind.items()}
    extra = {"adapter": arm.adapter, "retriever": arm.retriever, "delta": arm.delta, "seeds": arm.seeds}
    return {**asdict(arm.result), "by_kind": kinds, **extra}


def _by_kind_json(arms: Sequence[ArmSummary]) -> dict[str, dict[str, dict[str, float]]]:
    kinds = sorted({kind for arm in arms for kind in arm.result.by_kind})
    table: dict[str, dict[str, dict[str, float]]] = {kind: {} for kind in kinds}
    for arm in arms:
        for kind, (accuracy, n) in arm.result.by_kind.items():
            table[kind][arm.name] = {"accuracy": accuracy, "n": n}
    return table


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
            arms=tuple(_arm(arm) for arm in values["arms"]),
            comparisons=tuple(Comparison(**made) for made in values["comparisons"]),
            retrieval=tuple(RetrievalResult(**scores) for scores in values["retrieval"]),
            setup=tuple(SetupCost(**cost) for cost in values["setup"]),
        )
    except (KeyError, TypeError) as error:
        raise StoreError(f"{path.name}: {METRICS} has another form ({error}). Run the experiment again.") from error


def _arm(arm: Mapping[str, Any]) -> ArmSummary:
    extra = {name: arm[name] for name in ("adapter", "retriever", "delta", "seeds")}
    kinds = {kind: (cell["accuracy"], cell["n"]) for kind, cell in arm["by_kind"].items()}
    fields = {name: value for name, value in arm.items() if name not in extra}
    return ArmSummary(ArmResult(**{**fields, "by_kind": kinds}), **extra)


def load_run(folder: Path) -> RunResult:
    """Read a finished run.

    Raises:
        InputError: The folder is no run, or one that is not finished.
    """
    if not (folder / "manifest.json").is_file():
        problem = "it has no manifest.json" if folder.exists() else "it does not exist"
        raise InputError(
            f"{folder} is not a run folder: {problem}. Name a folder in WORKSPACE/runs; `graft eval ls` lists them."
        )
    if not (folder / METRICS).is_file():
        raise InputError(f"The run {folder.name} is not finished. Start its experiment again to resume it.")
    return from_json(RunFolder(folder).read(METRICS), folder)


def setup_failures(folder: Path) -> dict[str, tuple[int, int]]:
    """Failed and planned items before the first answer, by stage; stages without failures are left out."""
    manifest = RunFolder(folder).manifest()
    index, paraphrases = manifest.get("index"), manifest.get("paraphrases")
    failures = {}
    if index and index["failed"]:
        failures["index"] = (index["failed"], index["documents"] + index["chunks"])
    if paraphrases and paraphrases["failed"]:
        failures["paraphrase"] = (paraphrases["failed"], paraphrases["asked"])
    return failures


def index_items(folder: Path) -> dict[str, Any]:
    """How the files, rows and passages of the corpus ended: counts, failures, skips and notices; empty if unknown."""
    index = RunFolder(folder).manifest().get("index") or {}
    return {name: index[name] for name in ("counts", "failures", "skips", "notices") if name in index}


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


def compare_runs(run_a: RunResult, run_b: RunResult) -> tuple[Comparison, ...]:
    """Compare the arms that two runs share, on the items they share.

    Returns:
        One comparison an arm, `a` and `b` named "RUN:ARM", p-values corrected over all of them.
    Raises:
        InputError: The runs share no arm, or no item with the same question and answer.
    """
    folder_a, folder_b = RunFolder(run_a.path), RunFolder(run_b.path)
    items_b = {item.id: item for item in folder_b.items()}
    items = [item for item in folder_a.items() if _same(item, items_b.get(item.id))]
    # Arms of the second run that the first lacks are left out, as are items that differ in question or answer.
    names_b = {arm.name for arm in run_b.arms}
    names = [arm.name for arm in run_a.arms if arm.name in names_b]
    if not items or not names:
        what = "item" if not items else "arm"
        raise InputError(f"The runs {run_a.run} and {run_b.run} share no {what}, so they cannot be compared.")
    values_a = {row.name: row.values(items) for row in rows_of(folder_a)}
    values_b = {row.name: row.values(items) for row in rows_of(folder_b)}
    compared = []
    for name in names:
        labels = (f"{run_a.run}:{name}", f"{run_b.run}:{name}")
        compared.append(compare_values(labels, values_a[name], values_b[name]))
    return with_holm(compared)


def _same(item: Item, other: Item | None) -> bool:
    """Whether two items are the same question; an id alone may have been given to another one meanwhile."""
    if other is None:
        return False
    return (item.question, item.choices, item.answers) == (other.question, other.choices, other.answers)


def rows_of(folder: RunFolder) -> tuple[SummaryRow, ...]:
    """The rows of a run's table, from its manifest and samples."""
    by_arm: dict[str, dict[str, Sample]] = {}
    for (name, item_id), sample in folder.samples().items():
        by_arm.setdefault(name, {})[item_id] = sample
    rows = []
    for arm in folder.manifest()["arms"]:
        samples = tuple(by_arm.get(name, {}) for name in arm["samples"])
        rows.append(SummaryRow(arm["name"], arm["retriever"], samples))
    return tuple(rows)


def seed_accuracies(row: SummaryRow, items: Sequence[Item]) -> dict[str, float]:
    """Accuracy of each training seed of an arm; empty if there is only one."""
    if len(row.samples) < 2:
        return {}
    accuracies = {}
    for samples in row.samples:
        name = next(iter(samples.values())).arm.rpartition("#")[2]
        one_seed = SummaryRow(row.name, row.context_key, (samples,))
        accuracies[name] = float(np.mean(one_seed.values(items)))
    return accuracies
