"""Freezes contexts: the evidence of each retriever for each item, fixed before the first item is answered.

A context belongs to a retriever, not to an arm, so all arms that share a retriever get the same text. Each context is
appended when it is made; a second start freezes only the missing ones. A retrieval that fails is a context with an
error, and every arm that needs it gets the item wrong.
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
from eval.runs.trec import RankedChunk, qrels_lines, read_run, recall, run_lines
from eval.systems import ORACLE
from eval.tasks.gold import GoldChunks
from eval.types import Context, Item
from models.errors import RUN_ENDING_ERRORS, ModelError, OutputError, describe_error
from models.files.atomic import replace_text
from models.runtime.progress import Progress
from retrieval.answering.pack import PackSettings, pack
from retrieval.retrievers.dense import DenseRetriever
from retrieval.traversal.chains import SCALE
from retrieval.types import PackedContext, RetrievedEvidence, Retriever

QueryForm = Literal["question", "question-and-choices"]


PATIENCE = 3
"""Number of failed calls in a row after which a model counts as out of reach."""


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """How much is retrieved and packed; the same for every retriever.

    Attributes:
        passages: Number of passages that a retriever is asked to return (K).
        context_tokens: Budget of the packed context, in the reader's tokens.
        count_tokens: Counts the reader's tokens.
        query: Text of the query: the question, or the question and its options.
        settings: Shares of kinds of evidence, and their order.
    """

    passages: int
    context_tokens: int
    count_tokens: Callable[[str], int]
    query: QueryForm = "question"
    settings: PackSettings = field(default_factory=PackSettings)

    def query_of(self, item: Item) -> str:
        """The query for an item."""
        return item.question if self.query == "question" else "\n".join((item.question, *item.choices))


@dataclass(frozen=True, slots=True)
class ContextSources:
    """The retrievers that contexts come from, and the gold that they are measured against.

    Attributes:
        retrievers: Retrievers by context key, without the oracle.
        oracle: The oracle.
        owner: Id of the document of every chunk, by chunk id.
        gold: Gold chunks of every item, by item id.
    """

    retrievers: Mapping[str, Retriever]
    oracle: Oracle
    owner: Mapping[str, str]
    gold: Mapping[str, GoldChunks]

    def retrieve(self, key: str, item: Item, settings: ContextSettings) -> RetrievedEvidence:
        """Evidence for one item from the retriever named by a context key."""
        query = settings.query_of(item)
        if key == ORACLE:
            return self.oracle.retrieve(item, query, settings.passages, settings.context_tokens)
        return self.retrievers[key].retrieve(query, settings.passages)


def missing_contexts(
    run: RunFolder, keys: Sequence[str], items: Sequence[Item], retry_failed: bool
) -> dict[str, list[Item]]:
    """Items whose context is still to be frozen, by context key; keys without any are left out."""
    known = run.contexts()
    missing: dict[str, list[Item]] = {}
    for key in keys:
        for item in items:
            context = known.get((key, item.id))
            if context is None or (retry_failed and context.error):
                missing.setdefault(key, []).append(item)
    return missing


def freeze_contexts(
    run: RunFolder,
    missing: Mapping[str, Sequence[Item]],
    sources: ContextSources,
    settings: ContextSettings,
    progress: Progress,
) -> None:
    """Freeze contexts; each is on the disk before the next is begun.

    Args:
        run: Where contexts are written, with rankings (run.trec) and judgements (qrels.trec).
        missing: Items by context key, from `missing_contexts`.
        sources: The retrievers and the gold.
        settings: K and budget.
        progress: One step a retriever.
    Raises:
        BudgetError: A retriever that calls models used the budget up.
        ModelError: A model cannot be reached, or its server refuses every call.
    """
    _write_qrels(run, sources.gold)
    _drop_rankings(run, missing)
    with Appender(run.file("contexts.jsonl")) as contexts, Appender(run.file("run.trec")) as rankings:
        for key, items in missing.items():
            # Failures that may mean that a model is out of reach: written once an item succeeds.
            unreached: list[Context] = []
            reached = False
            with progress.step(f"retrieve: {key}", total=len(items), unit="items") as step:
                for item in items:
                    try:
                        context, ranking = freeze_context(key, item, sources, settings)
                    except ModelError as error:
                        unreached.append(_failed_context(key, item, sources, error))
                        if len(unreached) >= PATIENCE or (item is items[-1] and not reached):
                            raise
                    else:
                        contexts.append(*unreached)
                        unreached.clear()
                        reached = True
                        # The ranking first: a context on disk then always has one; rankings without a context are
                        # dropped.
                        rankings.append(*run_lines(key, item.id, ranking))
                        contexts.append(context)
                    step.advance()
            contexts.append(*unreached)


def freeze_context(
    key: str, item: Item, sources: ContextSources, settings: ContextSettings
) -> tuple[Context, list[RankedChunk]]:
    """One context and the ranking behind it; what fails is a context with its error.

    Raises:
        ModelError: A model cannot be reached; this is no item's fault.
    """
    started = time.perf_counter()
    try:
        retrieved = sources.retrieve(key, item, settings)
        packed = pack(retrieved, settings.context_tokens, settings.count_tokens, settings.settings)
    except RUN_ENDING_ERRORS:
        raise
    except Exception as error:  # an item's boundary: recorded, and counted as wrong
        if isinstance(error, ModelError) and not isinstance(error, OutputError):
            raise
        return _failed_context(key, item, sources, error, time.perf_counter() - started), []
    ranking = _ranking(retrieved)
    return _context(key, item, packed, ranking, sources, time.perf_counter() - started), ranking


def _failed_context(key: str, item: Item, sources: ContextSources, error: Exception, seconds: float = 0.0) -> Context:
    # Failed retrieval found nothing: recall 0 where there is gold, undefined where there is none.
    missed = 0.0 if sources.gold[item.id].documents else None
    return Context(key, item.id, "", (), 0, seconds, missed, describe_error(error))


def _context(
    key: str, item: Item, packed: PackedContext, ranking: Sequence[RankedChunk], sources: ContextSources, seconds: float
) -> Context:
    rank = {chunk.chunk_id: position for position, chunk in enumerate(ranking)}
    packed_ids = dict.fromkeys(line.chunk_id for line in packed.lines if line.chunk_id)
    chunk_ids = tuple(sorted(packed_ids, key=lambda chunk_id: rank.get(chunk_id, len(rank))))
    share = recall(chunk_ids, sources.owner, sources.gold[item.id].documents)
    query = packed.query.text if packed.query else ""
    if packed.query and packed.query.problem:
        query += f" // {packed.query.problem}"  # a comment in Cypher
    weights = line_weights(packed, ranking, is_dense=key.split(":", maxsplit=1)[0] == DenseRetriever.name)
    return Context(key, item.id, packed.text, chunk_ids, packed.tokens, seconds, share, query=query, weights=weights)


def line_weights(packed: PackedContext, ranking: Sequence[RankedChunk], is_dense: bool) -> tuple[float, ...]:
    """Logarithm of the weight of each line of a context, for answers that are marginalised over the lines.

    Dense search scores by cosine, whose softmax, scaled as in the training of encoders, is the probability of a passage
    (Lewis et al. 2020, section 2.2). Scores of other retrievers are not probabilities; there, the weight of a passage
    is one over its rank, and a line that is not a passage weighs as much as the last passage.
    """
    rank_of = {chunk.chunk_id: rank for rank, chunk in enumerate(ranking)}
    last = len(ranking) - 1
    ranks = [rank_of.get(line.chunk_id, last) if line.kind == "passage" else last for line in packed.lines]
    if is_dense:
        # Not normalised: the marginalisation takes the softmax over the lines itself.
        return tuple(SCALE * ranking[rank].score for rank in ranks)
    return tuple(-math.log(max(rank, 0) + 1.0) for rank in ranks)


def _ranking(retrieved: RetrievedEvidence) -> list[RankedChunk]:
    """Passages in order of rank, each chunk once."""
    chunks: dict[str, RankedChunk] = {}
    for passage in retrieved.passages:
        chunks.setdefault(passage.chunk_id, RankedChunk(passage.chunk_id, float(passage.score)))
    return list(chunks.values())


def _write_qrels(run: RunFolder, gold: Mapping[str, GoldChunks]) -> None:
    lines = qrels_lines({item_id: chunks.chunk_ids for item_id, chunks in gold.items()})
    if lines:
        replace_text(run.file("qrels.trec"), "\n".join(lines) + "\n")


def _drop_rankings(run: RunFolder, missing: Mapping[str, Sequence[Item]]) -> None:
    """Remove rankings whose context was not written before a kill, or will be made again."""
    path = run.file("run.trec")
    again = {(key, item.id) for key, items in missing.items() for item in items}
    if not again & set(read_run(path)):
        return
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _pair(line) not in again]
    replace_text(path, "".join(line + "\n" for line in lines))


def _pair(line: str) -> tuple[str, str]:
    columns = line.split(" ")
    return columns[5], columns[0]
