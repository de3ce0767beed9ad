"""Freezing contexts: what each retriever shows for each item, fixed before the first answer is scored.

A context belongs to a retriever, not to an arm, so all arms that share a retriever read the same text. Each
is appended when it is made; a second run freezes only what is missing. A retrieval that fails is a context
with an error, and every arm that needs it gets the item wrong.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from eval.arms.oracle import Oracle
from eval.runs.folder import RunFolder
from eval.runs.records import Appender
from eval.runs.trec import Ranked, qrels_lines, read_run, recall, run_lines
from eval.systems import ORACLE
from eval.tasks.gold import Gold
from eval.types import Context, Item
from models.errors import NOT_OF_THE_ITEM
from models.files.atomic import replace_text
from models.runtime.progress import Progress
from retrieval.answering.pack import PackSettings, pack
from retrieval.retrievers.dense import DenseRetriever
from retrieval.traversal.chains import SCALE
from retrieval.types import PackedContext, Retrieved, Retriever

Query = Literal["question", "question-and-choices"]


@dataclass(frozen=True, slots=True)
class Packing:
    """How much is retrieved and shown; the same for every retriever.

    Attributes:
        passages: Passages asked of a retriever (K).
        context_tokens: Budget of the packed context, in the reader's tokens.
        count_tokens: Counts the reader's tokens.
        query: What a retriever is asked: the question, or the question and its options.
        settings: Shares of kinds of evidence, and their order.
    """

    passages: int
    context_tokens: int
    count_tokens: Callable[[str], int]
    query: Query = "question"
    settings: PackSettings = field(default_factory=PackSettings)

    def query_of(self, item: Item) -> str:
        """What a retriever is asked for an item."""
        return item.question if self.query == "question" else "\n".join((item.question, *item.choices))


@dataclass(frozen=True, slots=True)
class Sources:
    """Where contexts come from.

    Attributes:
        retrievers: By context key, the oracle apart.
        oracle: The oracle.
        owner: Document of every chunk.
        gold: Gold of every item.
    """

    retrievers: Mapping[str, Retriever]
    oracle: Oracle
    owner: Mapping[str, str]
    gold: Mapping[str, Gold]

    def retrieve(self, key: str, item: Item, packing: Packing) -> Retrieved:
        """Evidence for one item from the retriever named by a context key."""
        query = packing.query_of(item)
        if key == ORACLE:
            return self.oracle.retrieve(item, query, packing.passages, packing.context_tokens)
        return self.retrievers[key].retrieve(query, packing.passages)


def missing_contexts(
    run: RunFolder, keys: Sequence[str], items: Sequence[Item], retry_failed: bool
) -> dict[str, list[Item]]:
    """Items whose context is still to be frozen, by context key; keys without any are left out."""
    known = run.contexts()
    wanted = {
        key: [item for item in items if (key, item.id) not in known or (retry_failed and known[key, item.id].error)]
        for key in keys
    }
    return {key: left for key, left in wanted.items() if left}


def freeze(
    run: RunFolder, missing: Mapping[str, Sequence[Item]], sources: Sources, packing: Packing, progress: Progress
) -> None:
    """Freeze contexts, each on the disk before the next is begun.

    Args:
        run: Where they are written, with their rankings (run.trec) and judgements (qrels.trec).
        missing: Items by context key, of `missing_contexts`.
        sources: The retrievers.
        packing: K and budget.
        progress: One step a retriever.
    Raises:
        BudgetReached: A retriever that calls models used the budget up.
    """
    _write_qrels(run, sources.gold)
    _drop_rankings(run, missing)
    with Appender(run.file("contexts.jsonl")) as contexts, Appender(run.file("run.trec")) as rankings:
        for key, items in missing.items():
            with progress.step(f"retrieve: {key}", total=len(items), unit="items") as step:
                for item in items:
                    context, ranking = freeze_one(key, item, sources, packing)
                    rankings.append(*run_lines(key, item.id, ranking))
                    contexts.append(context)
                    step.advance()


def freeze_one(key: str, item: Item, sources: Sources, packing: Packing) -> tuple[Context, list[Ranked]]:
    """One context and the ranking behind it."""
    started = time.perf_counter()
    try:
        retrieved = sources.retrieve(key, item, packing)
        packed = pack(retrieved, packing.context_tokens, packing.count_tokens, packing.settings)
    except NOT_OF_THE_ITEM:
        raise
    except Exception as error:  # an item's boundary: recorded, and counted as wrong
        reason = f"{type(error).__name__}: {error}"
        missed = 0.0 if sources.gold[item.id].documents else None
        return Context(key, item.id, "", (), 0, time.perf_counter() - started, missed, reason), []
    ranking = _ranking(retrieved)
    return _context(key, item, packed, ranking, sources, time.perf_counter() - started), ranking


def _context(
    key: str, item: Item, packed: PackedContext, ranking: Sequence[Ranked], sources: Sources, seconds: float
) -> Context:
    rank = {row.chunk_id: place for place, row in enumerate(ranking)}
    drawn = dict.fromkeys(line.chunk_id for line in packed.lines if line.chunk_id)
    chunk_ids = tuple(sorted(drawn, key=lambda chunk_id: rank.get(chunk_id, len(rank))))
    share = recall(chunk_ids, sources.owner, sources.gold[item.id].documents)
    asked = packed.query
    query = f"{asked.text} // {asked.problem}" if asked and asked.problem else asked.text if asked else ""
    weights = line_weights(packed, ranking, is_dense=key.split(":")[0] == DenseRetriever.name)
    return Context(key, item.id, packed.text, chunk_ids, packed.tokens, seconds, share, query=query, weights=weights)


def line_weights(packed: PackedContext, ranking: Sequence[Ranked], is_dense: bool) -> tuple[float, ...]:
    """Logarithm of the weight of each line of a context, for answers that are marginalised over them.

    Dense search scores by cosine, whose softmax, scaled as encoders are trained to, is the probability of a passage
    (Lewis et al. 2020, section 2.2). The scores of other retrievers are none: the weight of their passages falls as
    one over their rank, and a line that is no passage weighs as much as the last of them.
    """
    place = {row.chunk_id: rank for rank, row in enumerate(ranking)}
    last = len(ranking) - 1
    ranks = [place.get(line.chunk_id, last) if line.kind == "passage" else last for line in packed.lines]
    if is_dense:
        return tuple(SCALE * ranking[rank].score for rank in ranks)
    return tuple(-math.log(max(rank, 0) + 1.0) for rank in ranks)


def _ranking(retrieved: Retrieved) -> list[Ranked]:
    """Passages in order of rank, each chunk once."""
    rows: dict[str, Ranked] = {}
    for passage in retrieved.passages:
        rows.setdefault(passage.chunk_id, Ranked(passage.chunk_id, float(passage.score)))
    return list(rows.values())


def _write_qrels(run: RunFolder, gold: Mapping[str, Gold]) -> None:
    lines = qrels_lines({item_id: found.chunk_ids for item_id, found in gold.items()})
    if lines:
        replace_text(run.file("qrels.trec"), "\n".join(lines) + "\n")


def _drop_rankings(run: RunFolder, missing: Mapping[str, Sequence[Item]]) -> None:
    """Take rankings out whose context was not written before a kill, or will be made again."""
    path = run.file("run.trec")
    again = {(key, item.id) for key, items in missing.items() for item in items}
    if not again & set(read_run(path)):
        return
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _pair(line) not in again]
    replace_text(path, "".join(line + "\n" for line in lines))


def _pair(line: str) -> tuple[str, str]:
    columns = line.split(" ")
    return columns[5], columns[0]
