"""Measures MINE: the share of an essay's facts that a graph of it keeps, for our graphs and others', by the same judge.

Every fact is looked for in the graph of its own essay: KGGen's retrieval (`eval.mine.subgraph`) finds the relations
near it, and the fact judge (`eval.mine.fact_judge`) decides whether they state it. A graph is its relations in words;
the sentences that they come from don't count. An essay whose graph failed counts as one of which nothing was kept; an
essay that a peer's file has no graph of is left out of that peer's share, and the number of essays says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.extraction.document_graph import DocumentFact
from eval.mine.fact_features import fact_features
from eval.mine.fact_judge import FactJudge
from eval.mine.files import Essay, RelationWords, StoredGraph
from eval.statistics.stats import Interval, resampled_means
from models.protocols import Encoder
from models.runtime.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class MineScore:
    """One system's share of the facts.

    Attributes:
        name: Name of the system.
        kept: Share of the facts that its graphs keep, in [0, 1].
        ci_low: Lower end of the 95 % interval over resampled essays.
        ci_high: Upper end of the same interval.
        n: Number of facts that were judged.
        essays: Number of essays that have a graph, failed ones of ours included.
        relations: Mean number of relations of a graph.
        stored: Share kept according to the published judgments; None if there are none.
    """

    name: str
    kept: float
    ci_low: float
    ci_high: float
    n: int
    essays: int
    relations: float
    stored: float | None = None


def relations_of(facts: Sequence[DocumentFact]) -> list[RelationWords]:
    """A document's facts as relations in words: most frequent spelling of each end, every wording of the predicate."""
    return [(fact.subject[0], predicate, fact.object[0]) for fact in facts for predicate in fact.predicates]


def measure_graphs(
    name: str,
    essays: Sequence[Essay],
    graphs: Sequence[Sequence[RelationWords] | None],
    judge: FactJudge,
    encoder: Encoder,
    progress: Progress = SILENT,
) -> MineScore:
    """Judge one system's graphs.

    Args:
        name: Name of the system.
        essays: All essays.
        graphs: The graph of each essay, empty if it failed, None if the system was not given the essay.
        judge: The judge.
        encoder: MiniLM, which the judge is fitted to.
        progress: Where progress is shown.
    Raises:
        ValueError: There is not one graph, or None, for each essay.
    """
    counts = []
    with progress.step(f"judge {name}", total=len(essays), unit="essays") as step:
        for essay, graph in zip(essays, graphs, strict=True):
            if graph is not None:
                # An empty graph keeps nothing; there is nothing to retrieve features from.
                kept = judge.kept(fact_features(essay.facts, graph, encoder)).sum() if graph else 0
                counts.append((int(kept), len(essay.facts), len(graph)))
            step.advance()
    share = _share([kept for kept, _, _ in counts], [facts for _, facts, _ in counts])
    return MineScore(
        name=name,
        kept=share.mean,
        ci_low=share.low,
        ci_high=share.high,
        n=sum(facts for _, facts, _ in counts),
        essays=len(counts),
        relations=sum(size for _, _, size in counts) / len(counts),
    )


def stored_share(essays: Sequence[Essay], graphs: Sequence[StoredGraph | None]) -> float | None:
    """Share of the essays' facts that the judgments published with a peer's graphs call kept."""
    kept: list[bool] = []
    for essay, graph in zip(essays, graphs, strict=True):
        if graph is not None:
            judged = zip(graph.facts, graph.kept, strict=True)
            kept += [is_kept for fact, is_kept in judged if fact in essay.facts]
    return sum(kept) / len(kept) if kept else None


def _share(kept: Sequence[int], facts: Sequence[int]) -> Interval:
    """Kept facts over all facts, with its 95 % interval.

    Essays are resampled, not facts: the facts of one essay succeed or fail together, with its graph.
    """
    values = np.array([kept, facts], dtype=np.float64)
    drawn = resampled_means(values)
    low, high = np.percentile(drawn[0] / drawn[1], [2.5, 97.5])
    return Interval(float(values[0].sum() / values[1].sum()), float(low), float(high))
