"""Two people of one full name: which documents mean which.

Documents whose facts link the name with the same other name mean the same person. What is left over is held against
each other: two years of birth or death, or facts that lie so far apart in meaning (cosine of their embeddings) that
nothing speaks for one person, make two. Facts that are merely different make none: most people of a corpus do
different things in different documents. Between the two a judge may be asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kg.resolution.contexts import Context
from kg.resolution.judge import Judge
from kg.resolution.names import core
from kg.resolution.uses import Node, UseKey, Uses
from kg.rulings import Verdicts
from models.protocols import Encoder

FAR = 0.15
"""Below this cosine, facts are those of two people. Of pairs of encyclopaedia passages with three facts or more of a
person each, 36 % of 647 about two people lie below it and share no neighbour, and none of 7 about one: a small
sample."""
NEAR = 0.35
"""From this cosine on, facts are those of one."""
_LEAST_FACTS = 3
_MOST_CLUSTERS = 8


@dataclass(slots=True)
class _Cluster:
    """Documents that mean one person."""

    sources: list[str]
    context: Context

    @property
    def is_told_of(self) -> bool:
        """Whether there are facts enough to say that they lie far from others."""
        return len(self.context.phrases) >= _LEAST_FACTS

    @property
    def text(self) -> str:
        """Its facts, to be embedded."""
        return ". ".join(sorted(self.context.phrases))


def senses_of(
    uses: Uses,
    wholes: Mapping[UseKey, Node],
    contexts: Mapping[UseKey, Context],
    verdicts: Verdicts,
    encoder: Encoder,
    judge: Judge | None,
) -> dict[UseKey, str]:
    """The sense of every use that isn't its name's main one: "" is left out.

    Args:
        uses: All uses.
        wholes: Uses of parts of names; what is said of a part is said of the whole.
        contexts: What the facts say.
        verdicts: A name ruled to be one thing is not divided; documents ruled apart are senses of their own.
        encoder: Embeds the facts of names that might be divided.
        judge: Asked where the facts decide nothing.
    """
    ruled = {(name, source): f"@{source}" for name, source in verdicts.apart if (name, source) in uses}
    senses = dict(ruled)
    keys_of: dict[str, list[UseKey]] = defaultdict(list)
    for key, use in uses.items():
        if use.kind == "person":
            keys_of[" ".join(core(key[0], True))].append(key)
    people = {
        name: _draw_together([_Cluster([source], context) for source, context in sorted(of_source.items())], _shares)
        for name, of_source in _contexts_by_person(uses, wholes, contexts, verdicts, ruled).items()
    }
    doubtful = {name: clusters for name, clusters in people.items() if len(clusters) > 1}
    near = _Nearness(doubtful.values(), encoder)
    drawn = {
        name: _telling(_draw_together(clusters, lambda one, other: near(one, other) >= NEAR))
        for name, clusters in doubtful.items()
    }
    near = _Nearness([clusters for clusters in drawn.values() if len(clusters) > 1], encoder)
    for name, clusters in drawn.items():
        for sense in _divide(name, clusters, near, judge)[1:] if len(clusters) > 1 else ():
            sources = {source for cluster in sense for source in cluster.sources}
            for key in keys_of[name]:
                if key[1] in sources:
                    senses.setdefault(key, min(sources))
    return senses


def _contexts_by_person(
    uses: Uses,
    wholes: Mapping[UseKey, Node],
    contexts: Mapping[UseKey, Context],
    verdicts: Verdicts,
    ruled: Mapping[UseKey, str],
) -> dict[str, dict[str, Context]]:
    """For every full name of a person, without titles: what each document says of it."""
    people: dict[str, dict[str, Context]] = defaultdict(lambda: defaultdict(Context))
    for key, use in uses.items():
        whole = wholes.get(key, Node(key[0], use.kind))
        words = core(whole.name, True)
        if whole.kind != "person" or len(words) < 2 or key in ruled or (whole.name, whole.name) in verdicts.merged:
            continue
        if key in contexts:
            people[" ".join(words)][key[1]].add(contexts[key])
    return people


def _draw_together(clusters: Iterable[_Cluster], belong: Callable[[_Cluster, _Cluster], bool]) -> list[_Cluster]:
    """Clusters of which any two documents belong together made one, unless they contradict each other."""
    found: list[list[_Cluster]] = []
    for cluster in clusters:
        group, others = [cluster], []
        for each in found:
            if any(belong(cluster, member) for member in each) and not _contradict(group, each):
                group += each
            else:
                others.append(each)
        found = [*others, group]
    return [_union(group) for group in found]


def _union(clusters: Sequence[_Cluster]) -> _Cluster:
    context = Context()
    for cluster in clusters:
        context.add(cluster.context)
    return _Cluster(sorted(source for cluster in clusters for source in cluster.sources), context)


def _contradict(some: Iterable[_Cluster], others: Sequence[_Cluster]) -> bool:
    return any(one.context.contradicts(other.context) for one in some for other in others)


def _shares(one: _Cluster, other: _Cluster) -> bool:
    """Whether both have facts with one other name; a number or date in common says nothing."""
    shared = one.context.partners & other.context.partners
    return any(not any(letter.isdigit() for letter in name) for name in shared)


class _Nearness:
    """Cosines between the facts of clusters; all are embedded in one go."""

    def __init__(self, groups: Iterable[Sequence[_Cluster]], encoder: Encoder) -> None:
        texts = sorted({cluster.text for clusters in groups for cluster in clusters})
        self._vectors = dict(zip(texts, encoder.encode(texts), strict=True)) if texts else {}

    def __call__(self, one: _Cluster, other: _Cluster) -> float:
        return float(self._vectors[one.text] @ self._vectors[other.text])


def _telling(clusters: Iterable[_Cluster]) -> list[_Cluster]:
    """Those that say enough to be told apart, the largest first; what the others name is left with the main sense."""
    known = [cluster for cluster in clusters if cluster.is_told_of or any(cluster.context.years.values())]
    return sorted(known, key=lambda cluster: (-len(cluster.sources), cluster.sources))[:_MOST_CLUSTERS]


def _divide(name: str, clusters: Sequence[_Cluster], nearness: _Nearness, judge: Judge | None) -> list[list[_Cluster]]:
    """Clusters by person: each goes to the first person with whom nothing speaks against it."""
    people: list[list[_Cluster]] = []
    for cluster in clusters:
        for person in people:
            if not any(_apart(name, cluster, other, nearness(cluster, other), judge) for other in person):
                person.append(cluster)
                break
        else:
            people.append([cluster])
    return people


def _apart(name: str, one: _Cluster, other: _Cluster, cosine: float, judge: Judge | None) -> bool:
    if one.context.contradicts(other.context):
        return True
    if cosine >= NEAR or not (one.is_told_of and other.is_told_of):
        return False
    return cosine < FAR or (judge is not None and not judge.same(name, one.context, name, other.context))
