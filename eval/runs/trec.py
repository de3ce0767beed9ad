"""Reads and writes rankings and judgements in TREC's formats, and computes retrieval metrics.

    run.trec    item Q0 chunk rank score key
    qrels.trec  item 0 chunk 1

Any retrieval tool (trec_eval, ir-measures) reads these files, so that the numbers can be checked independently.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path

from models.errors import StoreError


@dataclass(frozen=True, slots=True)
class RankedChunk:
    """One chunk of a ranking, with its score."""

    chunk_id: str
    score: float


def run_lines(key: str, item_id: str, ranking: Sequence[RankedChunk]) -> list[str]:
    """Lines of one ranking, best first.

    Example:
        >>> run_lines("rag", "q1", [RankedChunk("c:1", 0.5)])
        ['q1 Q0 c:1 1 0.5 rag']
    """
    return [f"{item_id} Q0 {chunk.chunk_id} {rank} {chunk.score!r} {key}" for rank, chunk in enumerate(ranking, 1)]


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


def ndcg(ranking: Sequence[str], gold: Collection[str], depth: int) -> float:
    """Normalised discounted cumulative gain of the first `depth` chunks of a ranking, binary relevance, in [0, 1].

    A relevant chunk at rank r gains 1 / log2(r + 1); the sum is divided by that of the best possible ranking. That one
    is cut at the same depth, so that a retriever that returns three passages can reach 1 with three.

    Source: Järvelin and Kekäläinen, TOIS 2002; gain / log2(rank + 1) as in trec_eval's ndcg_cut.
    Example:
        >>> ndcg(["a", "b"], {"a"}, 2), round(ndcg(["b", "a"], {"a"}, 2), 4)
        (1.0, 0.6309)
    """
    gain = sum(1 / log2(rank + 1) for rank, chunk_id in enumerate(ranking[:depth], 1) if chunk_id in gold)
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(len(gold), depth) + 1))
    return gain / ideal if ideal else 0.0


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
