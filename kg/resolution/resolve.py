"""From names to entities. Names are merged in this order:

1. Mentions of one normalised name and kind are one node (`uses`); a part of a name joins the one full name of its
   document that fits (`parts`); a full name of two people is divided by document (`senses`).
2. Merges that a person has ruled (`kg.rulings`); what a person has ruled apart no later merge joins (`groups`).
3. Merges that a text states ("also known as").
4. Merges certain by the words alone (`match.certain`), in the order of the names.
5. Alike spellings (`match.may_be_near`) with near embeddings, the nearest pair first.
6. Pairs that a judge, if there is one, calls the same. Steps 4 to 6 compare only candidate pairs (`candidates`).

Every merge keeps its reason. The result is a pure function of extractions and rulings, whatever their order.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kg.config import ResolveConfig
from kg.language.predicates import canonical
from kg.language.text import normalise_name
from kg.resolution.candidates import Pair, nearest_pairs, pairs_by_keys
from kg.resolution.contexts import NameContext, contexts_of
from kg.resolution.groups import MergeGroups
from kg.resolution.judge import Judge
from kg.resolution.match import (
    ABBREVIATION,
    NameProfile,
    ambiguous,
    certain,
    is_everyday,
    may_be_near,
    vetoed,
)
from kg.resolution.names import core
from kg.resolution.parts import REASON, link_parts
from kg.resolution.senses import senses_of
from kg.resolution.uses import KINDS_OF_TYPE, NameNode, NameUse, UseKey, Uses, collect, most_frequent
from kg.rulings import ActiveRulings, active_rulings
from kg.schema import Entity, Evidence, Extraction, Fact, Merge, Ruling, make_id
from models.protocols import Encoder

_BAND = 0.15
"""How far below the minimum cosine similarity of step 5 the judge still decides."""
_ALSO = re.compile(
    r"(is )?(also|commonly|otherwise|better|sometimes) (known as|called|named|referred to as)|a\.?k\.?a\.?|stands for"
    r"|(is )?(abbreviated|shortened) (as|to)|(is )?(short|abbreviation|acronym) (for|of)"
)

FactKey = tuple[str, str, str, str, str, str, str]
"""Subject, predicate, object, first and last date, kind, status."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The entities and facts of a corpus, with the reasons for every merge; rows sorted by id.

    Attributes:
        entities: The entities.
        facts: What is said of them.
        merges: Why names are one entity.
        pairs: Number of pairs of names that were compared.
    """

    entities: tuple[Entity, ...]
    facts: tuple[Fact, ...]
    merges: tuple[Merge, ...]
    pairs: int


@dataclass(frozen=True, slots=True)
class _ProposedMerge:
    """Two nodes that may become one, unless a ruling forbids it."""

    one: NameNode
    other: NameNode
    reason: str


def resolve(
    extractions: Iterable[Extraction],
    source_of: Mapping[str, str],
    encoder: Encoder,
    config: ResolveConfig,
    rulings: Iterable[Ruling] = (),
    judge: Judge | None = None,
) -> Resolution:
    """Merge mentions into entities and triples into facts.

    Args:
        extractions: One for each chunk.
        source_of: Source of the document of every chunk id.
        encoder: Embeds names that might be merged, and no others.
        config: Minimum cosine similarity of alike names.
        rulings: What people have decided, in any order.
        judge: Decides where rules and embeddings leave it open; None merges nothing there.
    Returns:
        Entities, facts and merges, independent of the order of `extractions`.
    """
    sorted_extractions = sorted(extractions, key=lambda extraction: extraction.id)
    active = active_rulings(rulings)
    # Step 1: the nodes.
    uses = collect(sorted_extractions, source_of)
    contexts = contexts_of(sorted_extractions, source_of)
    full_names = link_parts(uses, active)
    senses = senses_of(uses, full_names, contexts, active, encoder, judge)
    node_of = {key: _node(key, uses, full_names, senses) for key in uses}
    own_nodes = {key: node for key, node in node_of.items() if key not in full_names}
    matcher = _Matcher(own_nodes, uses, contexts, encoder, config, judge)
    # Steps 2 to 6: where two merges contradict each other under the rulings, the earlier one wins.
    groups = MergeGroups(matcher.nodes, active)
    proposed = [
        *_ruled_merges(node_of, full_names, active),
        *matcher.stated_merges(sorted_extractions, source_of, own_nodes),
        *matcher.merges(),
    ]
    accepted = [merge for merge in proposed if groups.merge(merge.one, merge.other)]
    entity_of, entities = _entities(uses, {key: groups.root(node) for key, node in node_of.items()}, set(full_names))
    id_of = {node: entity_of[key] for key, node in own_nodes.items()}
    reasons = [(id_of[merge.one], merge.one.name, merge.other.name, merge.reason) for merge in accepted]
    reasons += [(entity_of[key], key[0], full_name.name, REASON) for key, full_name in full_names.items()]
    facts = _facts(sorted_extractions, source_of, entity_of)
    return Resolution(entities, facts, _merges(reasons), matcher.compared)


def _node(key: UseKey, uses: Uses, full_names: Mapping[UseKey, NameNode], senses: Mapping[UseKey, str]) -> NameNode:
    """The node of a use: of its full name, where it is a part of one."""
    node = full_names.get(key, NameNode(key[0], uses[key].kind))
    return node._replace(sense=senses.get((node.name, key[1]), ""))


def _merges(reasons: Iterable[tuple[str, str, str, str]]) -> tuple[Merge, ...]:
    """Rows of (entity id, name, other name, reason), sorted; the first reason for a pair of names stands."""
    merges: dict[str, Merge] = {}
    for entity_id, name, other, reason in reasons:
        row_id = make_id("g", entity_id, name, other)
        merges.setdefault(row_id, Merge(row_id, entity_id, name, other, reason))
    return tuple(merges[row_id] for row_id in sorted(merges))


class _Matcher:
    """Proposes merges of nodes, each with its reason.

    Attributes:
        nodes: All nodes, sorted.
        compared: Number of pairs of names that were compared.
    """

    def __init__(
        self,
        own_nodes: Mapping[UseKey, NameNode],
        uses: Uses,
        contexts: Mapping[UseKey, NameContext],
        encoder: Encoder,
        config: ResolveConfig,
        judge: Judge | None,
    ) -> None:
        self._encoder, self._config, self._judge, self._contexts = encoder, config, judge, contexts
        self._keys: dict[NameNode, list[UseKey]] = defaultdict(list)
        for key, node in own_nodes.items():
            self._keys[node].append(key)
        self.nodes = sorted(self._keys)
        self.compared = 0
        self._profiles: dict[NameNode, NameProfile] = {}
        for node, keys in self._keys.items():
            self._profiles[node] = _profile(node, keys, [uses[key] for key in keys])

    def merges(self) -> list[_ProposedMerge]:
        """Merges by the words alone, then by near embeddings, the nearest first, then by the judge: steps 4 to 6."""
        merges: list[_ProposedMerge] = []
        alike: list[Pair] = []
        pairs = pairs_by_keys(self.nodes, {node: profile.words for node, profile in self._profiles.items()})
        for pair in pairs:
            if reason := certain(pair, self._profiles):
                merges.append(_ProposedMerge(*pair, reason))
            elif may_be_near(pair, self._profiles) and not vetoed(pair, self._context):
                alike.append(pair)
        merges = self._without_ambiguous(merges)
        cosines = self._cosines(alike)
        near = [pair for pair in alike if cosines[pair] >= self._config.similarity]
        # The nearest first: where a ruling lets only one of two merges through, the better one is made.
        for pair in sorted(near, key=lambda pair: (-cosines[pair], pair)):
            merges.append(_ProposedMerge(*pair, f"alike, and their embeddings near ({cosines[pair]:.2f})"))
        self.compared = len(pairs)
        return merges if self._judge is None else [*merges, *self._judged_merges(self._judge, cosines, set(near))]

    def _without_ambiguous(self, merges: Sequence[_ProposedMerge]) -> list[_ProposedMerge]:
        """The merges without abbreviations that stand for several full names."""
        abbreviated = [(merge.one, merge.other) for merge in merges if merge.reason == ABBREVIATION]
        unclear = ambiguous(abbreviated, self._profiles)
        return [merge for merge in merges if merge.reason != ABBREVIATION or not {merge.one, merge.other} & unclear]

    def stated_merges(
        self, extractions: Iterable[Extraction], source_of: Mapping[str, str], own_nodes: Mapping[UseKey, NameNode]
    ) -> list[_ProposedMerge]:
        """Merges that a text states ("also known as"): step 3."""
        pairs: dict[Pair, str] = {}
        for extraction in extractions:
            source = source_of[extraction.chunk_id]
            for triple in extraction.triples:
                if not _ALSO.fullmatch(canonical(triple.predicate)):
                    continue
                subject = own_nodes.get((normalise_name(triple.subject), source))
                object_ = own_nodes.get((normalise_name(triple.object), source))
                if subject is None or object_ is None:
                    continue
                one, other = sorted((subject, object_))
                if self._may_be_stated(one, other):
                    pairs.setdefault((one, other), triple.predicate)
        return [_ProposedMerge(*pair, f"a text says: {predicate}") for pair, predicate in sorted(pairs.items())]

    def _may_be_stated(self, one: NameNode, other: NameNode) -> bool:
        """Whether a statement about two names is believed: not between kinds, and not of an everyday word."""
        if "value" in (one.kind, other.kind) or (one.kind != other.kind and one.kind and other.kind):
            return False
        return not is_everyday(one, other, self._profiles) and not is_everyday(other, one, self._profiles)

    def _judged_merges(self, judge: Judge, cosines: Mapping[Pair, float], decided: set[Pair]) -> list[_ProposedMerge]:
        """Merges of pairs that are left open: alike but not near enough, or near without being alike.

        Args:
            judge: Decides.
            cosines: Cosine similarity of the pairs that are alike.
            decided: Those of them that are near enough to be merged without a judge.
        """
        min_cosine = self._config.similarity - _BAND
        nearly = {pair for pair, cosine in cosines.items() if cosine >= min_cosine}
        nearest = nearest_pairs([node for node in self.nodes if self._is_name(node)], self._encoder, min_cosine)
        self.compared += len(nearest.keys() - cosines.keys())
        merges = []
        for pair in sorted((nearly | nearest.keys()) - decided):
            one, other = pair
            # Senses of one name were decided before; a certain pair is merged, and a vetoed one is not the judge's.
            if one.name == other.name or certain(pair, self._profiles) or vetoed(pair, self._context):
                continue
            if judge.same(one.name, self._context(one), other.name, self._context(other)):
                merges.append(_ProposedMerge(one, other, f"judged one thing by {judge.name}"))
        return merges

    def _is_name(self, node: NameNode) -> bool:
        """Whether a node is a name that a judge can decide about: no value, no common noun, no lone first name."""
        profile = self._profiles[node]
        if node.kind in ("", "value") or profile.is_common:
            return False
        return node.kind != "person" or len(profile.words) > 1

    def _cosines(self, pairs: Sequence[Pair]) -> dict[Pair, float]:
        names = sorted({node.name for pair in pairs for node in pair})
        vectors = dict(zip(names, self._encoder.encode(names), strict=True)) if names else {}
        return {(one, other): float(vectors[one.name] @ vectors[other.name]) for one, other in pairs}

    def _context(self, node: NameNode) -> NameContext:
        """What the facts of all documents that use a node say of it."""
        context = NameContext()
        for key in self._keys[node]:
            if key in self._contexts:
                context.add(self._contexts[key])
        return context


def _profile(node: NameNode, keys: Iterable[UseKey], uses: Sequence[NameUse]) -> NameProfile:
    """What is known of a node from its uses and their keys."""
    # A name that some document writes with a capital is no common noun; "the mill" alone does not say.
    is_common = any(use.is_common for use in uses) and all(use.is_common or use.is_description for use in uses)
    return NameProfile(
        words=core(node.name, node.kind == "person"),
        sources=frozenset(source for _, source in keys),
        surfaces=frozenset(surface for use in uses for surface in use.surfaces),
        is_common=is_common,
    )


def _ruled_merges(
    node_of: Mapping[UseKey, NameNode], full_names: Mapping[UseKey, NameNode], rulings: ActiveRulings
) -> list[_ProposedMerge]:
    """Merges that people have ruled (step 2): between nodes of one kind where there are such, else between all.

    A name that is only ever a part of another stands for that one. Uses that are ruled apart stay apart.
    """
    by_name: dict[str, list[NameNode]] = defaultdict(list)
    by_part: dict[str, list[NameNode]] = defaultdict(list)
    for key, node in sorted(node_of.items()):
        if node.sense.startswith("@"):  # a document that is ruled apart
            continue
        nodes = (by_part if key in full_names else by_name)[key[0]]
        if node not in nodes:
            nodes.append(node)
    named = {**by_part, **by_name}
    merges = []
    for name, other in sorted(rulings.merged):
        pairs = [(one, two) for one in named.get(name, ()) for two in named.get(other, ()) if one != two]
        same_kind = [(one, two) for one, two in pairs if one.kind == two.kind]
        # A name ruled one thing with itself is one across kinds too.
        chosen = pairs if name == other else same_kind or pairs
        merges += [_ProposedMerge(one, two, "ruled one thing") for one, two in chosen]
    return merges


def _entities(
    uses: Uses, roots: Mapping[UseKey, NameNode], parts: set[UseKey]
) -> tuple[dict[UseKey, str], tuple[Entity, ...]]:
    """Entity id of every use, and the entities, sorted by id.

    Args:
        uses: All uses.
        roots: The node that names the group of each use.
        parts: Uses of a part of a name.
    """
    members: dict[NameNode, list[UseKey]] = defaultdict(list)
    for key, root in roots.items():
        members[root].append(key)
    entities = []
    entity_of: dict[UseKey, str] = {}
    for root, keys in sorted(members.items()):
        entity = _entity([uses[key] for key in keys], [uses[key] for key in keys if key not in parts], root)
        entities.append(entity)
        entity_of |= dict.fromkeys(keys, entity.id)
    return entity_of, tuple(sorted(entities, key=lambda entity: entity.id))


def _entity(uses: Sequence[NameUse], own_uses: Sequence[NameUse], root: NameNode) -> Entity:
    """One entity from all its uses; its name and type come from its own uses, not from parts of its name."""
    types: Counter[str] = sum((use.types for use in own_uses), Counter())
    of_kind = {type_: count for type_, count in types.items() if KINDS_OF_TYPE.get(type_, "") == root.kind}
    type_ = most_frequent(of_kind or types)
    surfaces: Counter[str] = sum((use.surfaces for use in own_uses), Counter())
    name = most_frequent(surfaces)
    aliases = {surface for use in uses if not use.is_description for surface in use.surfaces} - {name}
    sense = [root.sense] if root.sense else []  # only a name with several senses has one in its id
    return Entity(
        id=make_id("e", normalise_name(name), type_, *sense),
        name=name,
        type=type_,
        aliases=tuple(sorted(aliases)),
        evidence=tuple(sorted({span for use in uses for span in use.evidence})),
    )


def _facts(
    extractions: Iterable[Extraction], source_of: Mapping[str, str], entity_of: Mapping[UseKey, str]
) -> tuple[Fact, ...]:
    """The triples with entities for names, those that state the same put together, sorted by id.

    A triple whose ends became one entity, or of which one end is no mention, states nothing and is left out.
    """
    evidence: dict[FactKey, set[Evidence]] = defaultdict(set)
    phrases: dict[FactKey, set[str]] = defaultdict(set)
    for extraction in extractions:
        source = source_of[extraction.chunk_id]
        for triple in extraction.triples:
            subject = entity_of.get((normalise_name(triple.subject), source))
            object_ = entity_of.get((normalise_name(triple.object), source))
            if subject and object_ and subject != object_:
                predicate = canonical(triple.predicate)
                key = (subject, predicate, object_, triple.valid_from, triple.valid_to, triple.kind, triple.status)
                evidence[key].add(triple.evidence)
                phrases[key].add(triple.predicate)
    facts = []
    for key, spans in evidence.items():
        subject, predicate, object_, valid_from, valid_to, kind, status = key
        wordings = () if phrases[key] == {predicate} else tuple(sorted(phrases[key]))
        statement = (subject, predicate, object_, tuple(sorted(spans)))
        facts.append(Fact(make_id("f", *key), *statement, valid_from, valid_to, kind, status, wordings))
    return tuple(sorted(facts, key=lambda fact: fact.id))
