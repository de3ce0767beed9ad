"""Run folders: where an experiment's records are kept, and how a run is found again.

    <workspace>/runs/<utc>-<name>-<hash8>/        e.g. 20310304T081500Z-saltmarsh-1f2e3d4c
      config.yaml     the experiment, resolved: every default filled in, arms and models written out as mappings;
                      paths as the experiment file wrote them (an absolute one is cut to its last part), no secrets
      manifest.json   {schema_version: 1, run, name, created (ISO, UTC), finished (ISO or null), config_hash,
                       inputs {items, documents, prompts},                     digests known before any model opens
                       digests {store, adapters {name: digest}, encoder, retrievers {key: digest},
                       readers {adapter's name or "": digest}},
                       seeds {experiment, train?}, versions {python, package: version}, hardware {machine, system,
                       processor, cpus, memory_gb, gpu}, task {name, format, items, kinds {kind: n}, choices: bool},
                       reader, scoring, normalisation, context_tokens, passages,
                       index {documents, chunks, entities, facts, communities, failed, skipped, dropped} or null,
                       paraphrases {asked, failed, shortened, names_kept} or null,
                       arms [{name, adapter, retriever, samples [names in samples.jsonl]}],
                       adapters [{name, digest, seconds, tokens}],
                       setup [{name, seconds, tokens_in, tokens_out, usd,        "index", "train: NAME", "paraphrase"
                              estimated}]}
      items.jsonl     eval.types.Item, one a line, in the task's order
      contexts.jsonl  eval.types.Context, one a line, per (retriever key, item), appended as they are frozen, all of
                      them before the first answer. `retriever` is the key: "oracle", "rag", "graph", or
                      "rag:1f2e3d4c" where an arm changes the retriever's settings. Closed-book has no lines.
      run.trec        the rankings before packing: "item Q0 chunk rank score key" (rank from 1)
      qrels.trec      "item 0 chunk 1" for chunks that hold gold evidence; absent when no item has any
      samples.jsonl   eval.types.Sample, one a line, appended and synced item by item; `scores` are the normalised
                      option scores in the order of the item's choices; of two lines for one (arm, item), the later
                      one stands (a retried failure). `arm` is the arm's name, or "NAME#SEED" where the experiment
                      trains several seeds: then the arm's row is the mean over them
      metrics.json    {schema_version: 1, run, created, results_digest, n, failed, headline ("accuracy", "contains",
                       "exact_match"), arms [ArmResult + {adapter, retriever, delta (accuracy minus closed-book's or
                       null), seeds {seed: accuracy}}], comparisons [Comparison], by_kind {kind: {arm: {accuracy, n}}},
                       retrieval [{retriever, n, recall, all_recall, ndcg, relevance, tokens, seconds}],
                       setup [as in the manifest]}. ArmResult.by_kind is {kind: {accuracy, n}} in JSON.
                       `retrieval` means over the items with gold evidence; null where there is none.
      results.json    the same accuracies in the shape of lm-evaluation-harness
      report.html     written by eval/report/page.py from the files above, and from nothing else

JSON lines are dataclasses as they stand (tuples become lists). A line cut short by a kill is dropped when
the folder is opened again. `results_digest` covers every sample but its `seconds` and `cost_usd`, so a run
that was killed and resumed has the digest of one that was not.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eval.runs.records import drop_cut_line, read_records, write_records
from eval.types import Context, Item, Sample
from models.errors import StoreError
from models.files.atomic import replace_text
from models.files.digest import digest

SCHEMA_VERSION = 1
PACKAGES = (
    "graftlab", "torch", "transformers", "peft", "sentence-transformers", "spacy", "numpy", "scipy", "bm25s",
    "graspologic-native", "xllamacpp", "openai",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run; does not decide what they contain."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the folder: the run's name in tables."""
        return self.path.name

    def file(self, name: str) -> Path:
        """Path of one of the files."""
        return self.path / name

    def manifest(self) -> dict[str, Any]:
        """The manifest on disk."""
        return self.read("manifest.json")

    def read(self, name: str) -> dict[str, Any]:
        """One of the JSON files."""
        return _read_json(self.path / name)

    def update_manifest(self, **changes: Any) -> dict[str, Any]:
        """Set top-level fields of the manifest; mappings are merged one level deep."""
        manifest = self.manifest()
        for key, value in changes.items():
            known = manifest.get(key)
            manifest[key] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
        write_json(self.path / "manifest.json", manifest)
        return manifest

    def items(self) -> tuple[Item, ...]:
        """The items, in the task's order."""
        return tuple(read_records(Item, self.path / "items.jsonl"))

    def contexts(self) -> dict[tuple[str, str], Context]:
        """Frozen contexts by retriever key and item; the newest of a pair."""
        contexts = read_records(Context, self.path / "contexts.jsonl")
        return {(context.retriever, context.item_id): context for context in contexts}

    def samples(self) -> dict[tuple[str, str], Sample]:
        """Samples by arm and item; the newest of a pair."""
        samples = read_records(Sample, self.path / "samples.jsonl")
        return {(sample.arm, sample.item_id): sample for sample in samples}

    def repair(self) -> None:
        """Drop lines that were cut short when the process was killed."""
        for name in ("contexts.jsonl", "samples.jsonl", "run.trec"):
            drop_cut_line(self.path / name)


def create_run(runs_dir: Path, manifest: Mapping[str, Any], config_yaml: str, items: Sequence[Item]) -> RunFolder:
    """Make the folder of a new run.

    Args:
        runs_dir: Folder of the workspace's runs.
        manifest: Fields that the experiment gives, `name` and `config_hash` among them; general ones are added here.
        config_yaml: The resolved configuration.
        items: The items that will be answered.
    Returns:
        The folder, with config, items and manifest. The manifest is written last: a folder without one is not a run.
    """
    created = datetime.now(UTC)
    label = f"{created:%Y%m%dT%H%M%SZ}-{manifest['name']}-{manifest['config_hash'][:8]}"
    folder = RunFolder(_new_folder(runs_dir, label))
    replace_text(folder.file("config.yaml"), config_yaml)
    write_records(folder.file("items.jsonl"), items)
    general = {
        "schema_version": SCHEMA_VERSION,
        "run": folder.name,
        "created": created.isoformat(timespec="seconds"),
        "finished": None,
        "versions": versions(),
        "hardware": hardware(),
    }
    write_json(folder.file("manifest.json"), {**general, **manifest})
    return folder


def _new_folder(runs_dir: Path, label: str) -> Path:
    """Make the folder `label`, or `label-2` … if another run of the same second has that name."""
    for number in range(1, 1000):
        path = runs_dir / (label if number == 1 else f"{label}-{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        return path
    raise StoreError(
        f"Expected a free name for the run {label} in {runs_dir}, but 999 are taken. Move old runs elsewhere."
    )


def run_folders(runs_dir: Path) -> list[RunFolder]:
    """All runs of a workspace, the newest first."""
    if not runs_dir.is_dir():
        return []
    folders = [RunFolder(path) for path in runs_dir.iterdir() if (path / "manifest.json").is_file()]
    return sorted(folders, key=lambda folder: (folder.manifest()["created"], folder.name), reverse=True)


def find_runs(runs_dir: Path, config_hash: str, inputs: Mapping[str, str]) -> list[RunFolder]:
    """Runs of exactly this configuration on exactly these inputs, the newest first."""
    matching = []
    for folder in run_folders(runs_dir):
        manifest = folder.manifest()
        if (manifest.get("config_hash"), manifest.get("inputs")) == (config_hash, dict(inputs)):
            matching.append(folder)
    return matching


def results_digest(samples: Iterable[Sample]) -> str:
    """Digest of the answers: every field but time and price, whatever the order of the lines."""
    rows = []
    for sample in sorted(samples, key=lambda sample: (sample.arm, sample.item_id)):
        # Time and cost differ between two runs that answer the same, so they are left out.
        answered = [sample.arm, sample.item_id, sample.prediction, sample.gold, sample.correct, sample.metrics]
        rows.append([*answered, list(sample.scores), sample.tokens_in, sample.tokens_out, sample.error])
    return digest(rows)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file completely or not at all."""
    replace_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path.parent.name}: expected a run folder with {path.name} ({error}). Delete the folder and run again."
        ) from error
    return dict(value)


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that results depend on."""
    installed = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed


def hardware() -> dict[str, Any]:
    """The machine of the run; the accelerator only if torch is already loaded, since loading it takes seconds."""
    torch = sys.modules.get("torch")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(pages / 1e9, 1),
        "gpu": torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else "",
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
