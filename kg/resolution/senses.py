"""Two people of one full name: which documents mean which.

Documents whose facts link the name with the same other name mean the same person. The rest are compared with each
other: two years of birth or death, or facts that lie so far apart in meaning (cosine of their embeddings) that nothing
speaks for one person, make two. Facts that are merely different make none: most people of a corpus do different things
in different documents. Between the two a judge may decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kg.resolution.contexts import NameContext
from kg.resolution.judge import Judge
from kg.resolution.names import core, has_digit
from kg.resolution.uses import NameNode, UseKey, Uses
from kg.rulings import ActiveRulings
from models.protocols import Encoder

FAR = 0.15
"""Below this cosine, facts are those of two people. Of pairs of encyclopaedia passages with three facts or more of a
person each, 36 % of 647 about two people lie below it and share no neighbour, and none of 7 about one: a small
sample."""
NEAR = 0.35
"""From this cosine on, facts are those of one."""
_MIN_FACTS = 3
"""The embedding of fewer facts says too little to tell people apart (`FAR` was found with three or more)."""
_MAX_CLUSTERS = 8
"""Bounds the comparisons, and the judge's calls, of one name to 28 pairs; smaller clusters keep the main sense."""


@dataclass(slots=True)
class _Cluster:
    """Documents that mean one person.

    Attributes:
        sources: Sources of the documents, sorted.
        context: What their facts say of the person.
    """

    sources: list[str]
    context: NameContext

    @property
    def has_enough_facts(self) -> bool:
        """Whether there are enough facts to say that they lie far from others."""
        return len(self.context.phrases) >= _MIN_FACTS

    @property
    def text(self) -> str:
        """The facts as one text, to be embedded."""
        return ". ".join(sorted(self.context.phrases))


def senses_of(
    uses: Uses,
    full_names: Mapping[UseKey, NameNode],
    contexts: Mapping[UseKey, NameContext],
    rulings: ActiveRulings,
    encoder: Encoder,
    judge: Judge | None,
) -> dict[UseKey, str]:
    """The sense of every use that isn't its name's main one; the main sense, "", is left out.

    Args:
        uses: All uses.
        full_names: Full name of each use of a part of one; what is said of the part is said of the full name.
        contexts: What the facts say of each use.
        rulings: A name ruled to be one thing is not divided; documents ruled apart are senses of their own.
        encoder: Embeds the facts of names that might be divided.
        judge: Decides where the facts decide nothing; None leaves those documents together.
    """
    ruled = {(name, source): f"@{source}" for name, source in rulings.apart if (name, source) in uses}
    senses = dict(ruled)
    keys_of: dict[str, list[UseKey]] = defaultdict(list)
    for key, use in uses.items():
        if use.kind == "person":
            keys_of[" ".join(core(key[0], True))].append(key)
    doubtful = {}
    for name, context_by_source in _contexts_by_person(uses, full_names, contexts, rulings, ruled).items():
        documents = [_Cluster([source], context) for source, context in sorted(context_by_source.items())]
        clusters = _join_clusters(documents, _shares_partner)
        if len(clusters) > 1:
            doubtful[name] = clusters
    for name, people in _divide_all(doubtful, encoder, judge).items():
        # The first person has most documents and keeps the main sense; each other one is named by its first document.
        for person in people[1:]:
            sources = {source for cluster in person for source in cluster.sources}
            for key in keys_of[name]:
                if key[1] in sources:
                    senses.setdefault(key, min(sources))
    return senses


def _contexts_by_person(
    uses: Uses,
    full_names: Mapping[UseKey, NameNode],
    contexts: Mapping[UseKey, NameContext],
    rulings: ActiveRulings,
    ruled: Mapping[UseKey, str],
) -> dict[str, dict[str, NameContext]]:
    """What each document says of every full name of a person, by the name without titles and by source."""
    people: dict[str, dict[str, NameContext]] = defaultdict(lambda: defaultdict(NameContext))
    for key, use in uses.items():
        node = full_names.get(key, NameNode(key[0], use.kind))
        words = core(node.name, True)
        if node.kind != "person" or len(words) < 2 or key in ruled or (node.name, node.name) in rulings.merged:
            continue
        if key in contexts:
            people[" ".join(words)][key[1]].add(contexts[key])
    return people


def _divide_all(
    doubtful: Mapping[str, Sequence[_Cluster]], encoder: Encoder, judge: Judge | None
) -> dict[str, list[list[_Cluster]]]:
    """The clusters of each name by person; names that turn out to mean one person are left out."""
    # Two rounds of embedding: joining near clusters gives longer texts, whose cosines tell more.
    similarity = _FactSimilarity(doubtful.values(), encoder)
    joined = {}
    for name, clusters in doubtful.items():
        remaining = _distinguishable(_join_clusters(clusters, similarity.is_near))
        if len(remaining) > 1:
            joined[name] = remaining
    similarity = _FactSimilarity(joined.values(), encoder)
    return {name: _divide(name, clusters, similarity, judge) for name, clusters in joined.items()}


def _join_clusters(
    clusters: Iterable[_Cluster], belong_together: Callable[[_Cluster, _Cluster], bool]
) -> list[_Cluster]:
    """Join clusters of which some two members belong together (single linkage), unless they contradict each other."""
    groups: list[list[_Cluster]] = []
    for cluster in clusters:
        joined, others = [cluster], []
        for group in groups:
            if any(belong_together(cluster, member) for member in group) and not _contradict(joined, group):
                joined += group
            else:
                others.append(group)
        groups = [*others, joined]
    return [_union(group) for group in groups]


def _union(clusters: Sequence[_Cluster]) -> _Cluster:
    context = NameContext()
    for cluster in clusters:
        context.add(cluster.context)
    return _Cluster(sorted(source for cluster in clusters for source in cluster.sources), context)


def _contradict(clusters: Iterable[_Cluster], others: Sequence[_Cluster]) -> bool:
    return any(one.context.contradicts(other.context) for one in clusters for other in others)


def _shares_partner(one: _Cluster, other: _Cluster) -> bool:
    """Whether both have facts with one other name; a number or date in common says nothing."""
    shared = one.context.partners & other.context.partners
    return not all(has_digit(name) for name in shared)


class _FactSimilarity:
    """Cosines between the facts of clusters; all are embedded in one call."""

    def __init__(self, groups: Iterable[Sequence[_Cluster]], encoder: Encoder) -> None:
        texts = sorted({cluster.text for clusters in groups for cluster in clusters})
        self._vectors = dict(zip(texts, encoder.encode(texts), strict=True)) if texts else {}

    def cosine(self, one: _Cluster, other: _Cluster) -> float:
        """Cosine similarity of the facts of two clusters."""
        return float(self._vectors[one.text] @ self._vectors[other.text])

    def is_near(self, one: _Cluster, other: _Cluster) -> bool:
        """Whether the facts are those of one person."""
        return self.cosine(one, other) >= NEAR


def _distinguishable(clusters: Iterable[_Cluster]) -> list[_Cluster]:
    """The clusters that say enough to be told apart, the largest first; the others keep the main sense."""
    distinguishable = [
        cluster for cluster in clusters if cluster.has_enough_facts or any(cluster.context.years.values())
    ]
    return sorted(distinguishable, key=lambda cluster: (-len(cluster.sources), cluster.sources))[:_MAX_CLUSTERS]


def _divide(
    name: str, clusters: Sequence[_Cluster], similarity: _FactSimilarity, judge: Judge | None
) -> list[list[_Cluster]]:
    """Clusters by person: each goes to the first person against whom nothing speaks."""
    people: list[list[_Cluster]] = []
    for cluster in clusters:
        for person in people:
            if not any(_are_apart(name, cluster, other, similarity, judge) for other in person):
                person.append(cluster)
                break
        else:
            people.append([cluster])
    return people


def _are_apart(name: str, one: _Cluster, other: _Cluster, similarity: _FactSimilarity, judge: Judge | None) -> bool:
    """Whether two clusters are two people: by years first, then by their facts, and by the judge in between."""
    if one.context.contradicts(other.context):
        return True
    cosine = similarity.cosine(one, other)
    if cosine >= NEAR or not (one.has_enough_facts and other.has_enough_facts):
        return False
    return cosine < FAR or (judge is not None and not judge.same(name, one.context, name, other.context))
