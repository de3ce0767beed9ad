"""Finishes a run: computes metrics.json and results.json from its records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from eval.config import Experiment
from eval.runs.folder import RunFolder, results_digest, write_json
from eval.runs.results import METRICS, ArmSummary, RunResult, SetupCost, rows_of, seed_accuracies, to_json
from eval.runs.summary import arm_results, comparisons, retrieval_results
from eval.runs.trec import read_qrels, read_run


def finish(run: RunFolder, experiment: Experiment) -> RunResult:
    """Compute the metrics of a run from its records, write them, and mark the run as finished."""
    result = summarise(run, experiment)
    write_json(run.file(METRICS), to_json(result))
    write_json(run.file("results.json"), harness_json(run, result))
    if not run.manifest()["finished"]:
        run.update_manifest(finished=datetime.now(UTC).isoformat(timespec="seconds"))
    return result


def summarise(run: RunFolder, experiment: Experiment) -> RunResult:
    """The result of a run, computed from its records alone."""
    manifest, items, contexts = run.manifest(), run.items(), run.contexts()
    rows = rows_of(run)
    arms = arm_results(rows, items, contexts, experiment.seed)
    # Accuracy of the bare model, of which every delta is the distance.
    floor = next(arm.accuracy for arm in arms if arm.name == experiment.floor)
    by_name = {arm["name"]: arm for arm in manifest["arms"]}
    samples = run.samples().values()
    return RunResult(
        path=run.path,
        created=manifest["created"],
        headline="accuracy" if manifest["task"]["choices"] else experiment.headline,
        n=len(items),
        failed=sum(bool(sample.error) for sample in samples),
        results_digest=results_digest(samples),
        arms=tuple(
            ArmSummary(
                arm,
                by_name[arm.name]["adapter"],
                by_name[arm.name]["retriever"],
                None if arm.name == experiment.floor else arm.accuracy - floor,
                seed_accuracies(row, items),
            )
            for arm, row in zip(arms, rows, strict=True)
        ),
        comparisons=comparisons(rows, experiment.pairs, items, experiment.seed),
        retrieval=retrieval_results(
            contexts, read_run(run.file("run.trec")), read_qrels(run.file("qrels.trec")), manifest["passages"]
        ),
        setup=tuple(SetupCost(**cost) for cost in manifest["setup"]),
    )


def harness_json(run: RunFolder, result: RunResult) -> dict[str, Any]:
    """The accuracies in the shape of lm-evaluation-harness: one "task" an arm, keys "metric,filter"."""
    manifest, items = run.manifest(), run.items()
    metric = {"accuracy": "acc", "exact_match": "exact_match"}.get(result.headline, result.headline)
    task = manifest["task"]["name"]
    results, configs = {}, {}
    for row, arm in zip(rows_of(run), result.arms, strict=True):
        name = f"{task}@{arm.name}"
        values = row.values(items)
        # Standard error of the mean over items, as lm-evaluation-harness reports it.
        stderr = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
        results[name] = {
            "alias": name,
            f"{metric},none": arm.result.accuracy,
            f"{metric}_stderr,none": stderr,
            **{f"{other},none": value for other, value in arm.result.metrics.items() if other != metric},
        }
        configs[name] = {
            "task": name,
            "num_fewshot": 0,
            "metadata": {"retriever": arm.retriever, "adapter": arm.adapter},
        }
    return {
        "results": results,
        "configs": configs,
        "versions": dict.fromkeys(results, 1),
        "n-shot": dict.fromkeys(results, 0),
        "n-samples": {name: {"original": result.n, "effective": result.n} for name in results},
        "higher_is_better": {name: {metric: True} for name in results},
        "config": {"model": manifest["reader"], "model_args": "", "seed": manifest["seeds"]["experiment"]},
        "date": datetime.fromisoformat(manifest["created"]).timestamp(),
        "task_hashes": dict.fromkeys(results, manifest["inputs"]["items"]),
    }
