"""Run folders written by hand, file by file, for the tests of the report: no code of the evaluator makes them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.types import ArmResult, Comparison, Context, GoldEvidence, Item, Sample

ARMS = ("closed-book", "oracle", "rag", "lora")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"

ITEMS = (
    Item(
        "q1",
        "Who leads Veldrane Tidal?",
        ("Maren Oskevald", "Sunniva Pelk"),
        0,
        ("Maren Oskevald",),
        "single-hop",
        "2031-05-01",
        (GoldEvidence("01.md", "Maren Oskevald watched from a pilot boat"),),
    ),
    Item("q2", "Where is Ropewalk House?", ("Orrin Quay", "Skerrin"), 0, ("Orrin Quay",), "single-hop"),
    Item("q3", "Which turbine came second?", ("Kittiwake", "Petrel"), 1, ("Petrel",), "two-hop"),
)
CHOSEN = {"closed-book": "101", "oracle": "001", "rag": "001", "lora": "011"}
CONTEXT = "[1] First turbine: Maren Oskevald watched\nfrom a pilot boat.\n[2] Nothing else."


def arm_result(name: str, accuracy: float, **changes: Any) -> ArmResult:
    """One row of the table; the fields that a test doesn't care about have values that no other row has."""
    fields: dict[str, Any] = {
        "name": name,
        "n": 3,
        "failed": 0,
        "accuracy": accuracy,
        "ci_low": max(0.0, accuracy - 0.15),
        "ci_high": min(1.0, accuracy + 0.123),
        "metrics": {},
        "by_kind": {"single-hop": (accuracy, 2), "two-hop": (1 - accuracy, 1)},
        "context_recall": 0.625 if name in ("oracle", "rag") else None,
        "tokens_in": 1234 + len(name),
        "tokens_out": 56 + len(name),
        "seconds": 7.5 + len(name),
        "cost_usd": 0.0,
    }
    return ArmResult(**{**fields, **changes})


def comparison(a: str, b: str, difference: float, p_holm: float = 0.04, p_value: float = 0.02) -> Comparison:
    """A comparison with a wide interval."""
    return Comparison(a, b, difference, difference - 0.2, difference + 0.21, p_value, p_holm, 2, 1)


def arm_json(result: ArmResult, **changes: Any) -> dict[str, Any]:
    """An arm as metrics.json has it."""
    kinds = {kind: {"accuracy": accuracy, "n": n} for kind, (accuracy, n) in result.by_kind.items()}
    name = result.name
    extra = {
        "adapter": "small-seed0" if name.startswith("lora") else "",
        "retriever": {"rag": "rag", "oracle": "oracle"}.get(name, "none"),
        "delta": None if name == "closed-book" else result.accuracy - 1 / 3,
        "seeds": {},
    }
    return {**asdict(result), "by_kind": kinds, **extra, **changes}


def metrics_json(arms: list[dict[str, Any]], comparisons: tuple[Comparison, ...], **changes: Any) -> dict[str, Any]:
    """The content of metrics.json."""
    kinds = sorted({kind for arm in arms for kind in arm["by_kind"]})
    by_kind: dict[str, dict[str, Any]] = {}
    for kind in kinds:
        by_kind[kind] = {arm["name"]: arm["by_kind"][kind] for arm in arms}
    retrieval = {"n": 1, "recall": 0.625, "all_recall": 0.5, "ndcg": 0.813, "relevance": None, "tokens": 31.5}
    fields = {
        "schema_version": 1,
        "run": "20310304T081500Z-small-1f2e3d4c",
        "created": "2031-03-04T08:15:00+00:00",
        "results_digest": "0f" * 16,
        "n": 3,
        "failed": 0,
        "headline": "accuracy",
        "arms": arms,
        "comparisons": [asdict(row) for row in comparisons],
        "by_kind": by_kind,
        "retrieval": [{"retriever": "rag", **retrieval, "seconds": 0.25}],
        "setup": [
            {"name": "index", "seconds": 61.5, "tokens_in": 4321, "tokens_out": 987, "usd": 0.0},
            {"name": "train: small-seed0", "seconds": 300.0, "tokens_in": 150000, "tokens_out": 0, "usd": 0.0},
        ],
    }
    return {**fields, **changes}


def manifest_json(**changes: Any) -> dict[str, Any]:
    """The content of manifest.json, as far as the report reads it."""
    fields = {
        "schema_version": 1,
        "run": "20310304T081500Z-small-1f2e3d4c",
        "name": "small",
        "created": "2031-03-04T08:15:00+00:00",
        "finished": "2031-03-04T09:00:00+00:00",
        "digests": {"store": "dd" * 16, "readers": {"": "33" * 16}},
        "seeds": {"experiment": 0, "train": [0]},
        "versions": {"python": "3.11.9"},
        "hardware": {"cpus": 2, "gpu": ""},
        "task": {"name": "small", "format": "jsonl", "items": 3, "kinds": {}, "choices": True},
        "reader": "tiny-reader",
        "scoring": "option",
        "normalisation": "token",
        "context_tokens": 768,
        "index": {"documents": 40, "chunks": 118, "entities": 231, "facts": 402},
        "arms": [{"name": name, "adapter": "", "retriever": "none", "samples": [name]} for name in ARMS],
        "setup": [],
    }
    return {**fields, **changes}


def samples() -> list[Sample]:
    """A sample for every arm and item, as `CHOSEN` has it."""
    return [
        Sample(arm, item.id, chosen, str(item.answer), float(chosen == str(item.answer)), {}, (-1.25, -2.5), 9, 1, 0.5)
        for arm, row in CHOSEN.items()
        for item, chosen in zip(ITEMS, row, strict=True)
    ]


def contexts() -> list[Context]:
    """The contexts of q1."""
    return [
        Context("rag", "q1", CONTEXT, ("c:1",), 31, 0.01, 0.5),
        Context("oracle", "q1", "[1] gold only", ("c:1",), 4, 0.01, 1.0),
    ]


def default_metrics(**changes: Any) -> dict[str, Any]:
    """Four arms: lora best but for the oracle, ahead of closed-book beyond chance."""
    accuracies = {"closed-book": 1 / 3, "oracle": 1.0, "rag": 0.5432, "lora": 0.6543}
    made = (
        comparison("rag", "closed-book", 0.21, p_holm=0.31, p_value=0.123),
        comparison("lora", "closed-book", 0.321),
        comparison("lora", "rag", 0.111, p_holm=0.51),
    )
    arms = [arm_json(arm_result(name, accuracy)) for name, accuracy in accuracies.items()]
    return metrics_json(arms, made, **changes)


def write_run(folder: Path, **parts: Any) -> Path:
    """Write a run folder; a part that is not named is the default one.

    Args:
        folder: Where; made if missing.
        parts: `metrics`, `manifest` (mappings), `items`, `contexts`, `samples` (records), `config` (text).
    """
    folder.mkdir(parents=True, exist_ok=True)
    records = {"items": ITEMS, "contexts": contexts(), "samples": samples()}
    for name, default in records.items():
        lines = [json.dumps(asdict(record)) + "\n" for record in parts.get(name, default)]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "metrics.json").write_text(json.dumps(parts.get("metrics") or default_metrics()), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(parts.get("manifest") or manifest_json()), encoding="utf-8")
    (folder / "config.yaml").write_text(parts.get("config", "name: small\n"), encoding="utf-8")
    return folder
