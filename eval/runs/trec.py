"""Reads and writes rankings and judgements in TREC's formats, and computes retrieval metrics.

    run.trec    item Q0 chunk rank score key
    qrels.trec  item 0 chunk 1

Any retrieval tool (trec_eval, ir-measures) reads these files, so that the numbers can be checked independently.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path

from models.errors import StoreError

_STEP, _MIN_STEP = 1e-6, 1e-9
"""Least differences of written scores: several steps of float32, relative and near zero."""
_MAX_SCORE = 1e30


@dataclass(frozen=True, slots=True)
class RankedChunk:
    """One chunk of a ranking, with its score."""

    chunk_id: str
    score: float


def run_lines(key: str, item_id: str, ranking: Sequence[RankedChunk]) -> list[str]:
    """Lines of one ranking, best first.

    Tools order a run by its scores, read as float32, and break ties by rules of their own. So written scores fall
    strictly: one that does not is written a little below the one before it.

    Example:
        >>> run_lines("rag", "q1", [RankedChunk("c:1", 0.5), RankedChunk("c:2", 0.5)])
        ['q1 Q0 c:1 1 0.5 rag', 'q1 Q0 c:2 2 0.4999995 rag']
    """
    lines: list[str] = []
    last = math.inf
    for rank, chunk in enumerate(ranking, 1):
        last = min(_finite(chunk.score), last - max(abs(last) * _STEP, _MIN_STEP) if lines else math.inf)
        lines.append(f"{item_id} Q0 {chunk.chunk_id} {rank} {last:.9g} {key}")
    return lines


def _finite(score: float) -> float:
    """A score that has a place in a ranking: neither infinite nor "not a number", which is written as the lowest."""
    return -_MAX_SCORE if math.isnan(score) else max(-_MAX_SCORE, min(score, _MAX_SCORE))


def read_run(path: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Chunk ids in order of rank, by retriever key and item.

    Raises:
        StoreError: A line does not have six columns.
    """
    rankings: dict[tuple[str, str], list[str]] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, 1):
        columns = line.split(" ")
        if len(columns) != 6:
            raise StoreError(f"{path.name}, line {number}: expected six columns, got {len(columns)}.")
        # Lines are in order of rank, so that appending keeps it.
        rankings.setdefault((columns[5], columns[0]), []).append(columns[2])
    return {pair: tuple(chunks) for pair, chunks in rankings.items()}


def qrels_lines(gold: Mapping[str, Sequence[str]]) -> list[str]:
    """Lines of the judgements: every gold chunk of every item is relevant."""
    return [f"{item_id} 0 {chunk_id} 1" for item_id, chunk_ids in gold.items() for chunk_id in chunk_ids]


def read_qrels(path: Path) -> dict[str, tuple[str, ...]]:
    """Gold chunks by item; empty if the file is missing."""
    gold: dict[str, list[str]] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        item_id, _, chunk_id, _ = line.split(" ")
        gold.setdefault(item_id, []).append(chunk_id)
    return {item_id: tuple(chunks) for item_id, chunks in gold.items()}


def ndcg(ranking: Sequence[str], gold: Collection[str] | Mapping[str, int], depth: int) -> float:
    """Normalised discounted cumulative gain of the first `depth` chunks of a ranking, in [0, 1].

    A chunk at rank r gains its relevance / log2(r + 1); the sum is divided by that of the best possible ranking. That
    one is cut at the same depth, so that a retriever that returns three passages can reach 1 with three.

    Args:
        ranking: Ids, best first.
        gold: Relevance by id; of ids alone, each is 1. Relevance below 1 gains nothing.
        depth: Number of ranks.
    Source: Järvelin and Kekäläinen, TOIS 2002; gain / log2(rank + 1) as in trec_eval's ndcg_cut.
    Example:
        >>> ndcg(["a", "b"], {"a"}, 2), round(ndcg(["b", "a"], {"a"}, 2), 4), ndcg(["b", "a"], {"a": 1, "b": 3}, 2)
        (1.0, 0.6309, 1.0)
    """
    grades: Mapping[str, int] = gold if isinstance(gold, Mapping) else dict.fromkeys(gold, 1)
    gain = _discounted([max(grades.get(chunk_id, 0), 0) for chunk_id in ranking[:depth]])
    ideal = _discounted(sorted((max(grade, 0) for grade in grades.values()), reverse=True)[:depth])
    return gain / ideal if ideal else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, 1))


def relevance(chunk_ids: Sequence[str], gold: Collection[str]) -> float:
    """Share of a context's chunks that contain gold evidence, in [0, 1]; 0 for an empty context."""
    return sum(chunk_id in gold for chunk_id in chunk_ids) / len(chunk_ids) if chunk_ids else 0.0


def recall(chunk_ids: Sequence[str], owner: Mapping[str, str], gold_documents: Sequence[str]) -> float | None:
    """Share of the gold documents that a context has chunks of, in [0, 1]; None without gold.

    Example:
        >>> recall(["c:1"], {"c:1": "d:1"}, ["d:1", "d:2"])
        0.5
    """
    if not gold_documents:
        return None
    found = {owner.get(chunk_id) for chunk_id in chunk_ids}
    return sum(document in found for document in gold_documents) / len(gold_documents)
