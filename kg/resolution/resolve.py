"""From names to things: which mentions of a corpus are one entity, and which facts are one fact.

1. Mentions with the same normalised name are one thing, unless the documents that use it disagree on what kind of
   thing it is (`kg.resolution.uses`), or a person's full name means two people (`kg.resolution.senses`).
2. Within one document a part stands for the whole if only one whole fits (`kg.resolution.parts`).
3. Different names become candidates by shared keys (`kg.resolution.candidates`) and one thing by what speaks for it
   (`kg.resolution.match`), by a text that says so ("also known as"), or by a judge, if there is one, where embeddings
   are near and nothing else decides.
4. Above all stands what people have ruled (`kg.rulings`). Every join is kept with its reason.

All of it is a pure function of the extractions and rulings, whatever their order.
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
from kg.resolution.contexts import Context, contexts_of
from kg.resolution.groups import Groups
from kg.resolution.judge import Judge
from kg.resolution.match import ABBREVIATION, Profile, Profiles, ambiguous, certain, is_everyday, may_be_near, vetoed
from kg.resolution.names import core
from kg.resolution.parts import REASON, link_parts
from kg.resolution.senses import senses_of
from kg.resolution.uses import KINDS_OF_TYPE, Node, Use, UseKey, Uses, collect, most_frequent
from kg.rulings import Verdicts, verdicts
from kg.schema import Entity, Evidence, Extraction, Fact, Merge, Ruling, make_id
from models.protocols import Encoder

_BAND = 0.15
"""How far below the least cosine a judge is still asked."""
_ALSO = re.compile(
    r"(is )?(also|commonly|otherwise|better|sometimes) (known as|called|named|referred to as)|a\.?k\.?a\.?|stands for"
    r"|(is )?(abbreviated|shortened) (as|to)|(is )?(short|abbreviation|acronym) (for|of)"
)

FactKey = tuple[str, str, str, str, str, str, str]
"""Subject, predicate, object, first and last date, kind, status."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the corpus is about, and why; rows sorted by id.

    Attributes:
        entities: The things.
        facts: What is said of them.
        merges: Why names are one thing.
        pairs: How many pairs of names were compared.
    """

    entities: tuple[Entity, ...]
    facts: tuple[Fact, ...]
    merges: tuple[Merge, ...]
    pairs: int


@dataclass(frozen=True, slots=True)
class _Join:
    one: Node
    other: Node
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
        extractions: One a chunk.
        source_of: Source of the document of every chunk id.
        encoder: Embeds names that might be merged, and no others.
        config: How near is near.
        rulings: What people have decided, in any order.
        judge: Asked where rules and embeddings leave it open; None merges nothing there.
    Returns:
        Entities, facts and merges, independent of the order of `extractions`.
    """
    rows = sorted(extractions, key=lambda extraction: extraction.id)
    ruled = verdicts(rulings)
    uses = collect(rows, source_of)
    contexts = contexts_of(rows, source_of)
    wholes = link_parts(uses, ruled)
    senses = senses_of(uses, wholes, contexts, ruled, encoder, judge)
    owner = {key: _node(key, uses, wholes, senses) for key in uses}
    own = {key: node for key, node in owner.items() if key not in wholes}
    matcher = _Matcher(own, uses, contexts, encoder, config, judge)
    groups = Groups(matcher.nodes, ruled)
    found = (*_ruled(owner, wholes, ruled), *matcher.told(rows, source_of, own), *matcher.joins())
    kept = [join for join in found if groups.join(join.one, join.other)]
    entity_of, entities = _entities(uses, {key: groups.root(node) for key, node in owner.items()}, set(wholes))
    id_of = {node: entity_of[key] for key, node in own.items()}
    merges: dict[str, Merge] = {}
    for entity_id, name, other, reason in (
        *((id_of[join.one], join.one.name, join.other.name, join.reason) for join in kept),
        *((entity_of[key], key[0], whole.name, REASON) for key, whole in wholes.items()),
    ):
        row = Merge(make_id("g", entity_id, name, other), entity_id, name, other, reason)
        merges.setdefault(row.id, row)
    facts = _facts(rows, source_of, entity_of)
    return Resolution(entities, facts, tuple(merges[row_id] for row_id in sorted(merges)), matcher.compared)


def _node(key: UseKey, uses: Uses, wholes: Mapping[UseKey, Node], senses: Mapping[UseKey, str]) -> Node:
    whole = wholes.get(key, Node(key[0], uses[key].kind))
    return whole._replace(sense=senses.get((whole.name, key[1]), ""))


class _Matcher:
    """Finds what speaks for joining names."""

    def __init__(
        self,
        own: Mapping[UseKey, Node],
        uses: Uses,
        contexts: Mapping[UseKey, Context],
        encoder: Encoder,
        config: ResolveConfig,
        judge: Judge | None,
    ) -> None:
        self._encoder, self._config, self._judge, self._contexts = encoder, config, judge, contexts
        self._keys: dict[Node, list[UseKey]] = defaultdict(list)
        for key, node in own.items():
            self._keys[node].append(key)
        self.nodes = sorted(self._keys)
        self.compared = 0
        self._profiles: Profiles = {
            node: Profile(
                words=core(node.name, node.kind == "person"),
                sources=frozenset(source for _, source in keys),
                surfaces=frozenset(surface for key in keys for surface in uses[key].surfaces),
                is_common=any(uses[key].is_common for key in keys)
                and all(uses[key].is_common or uses[key].is_description for key in keys),
            )
            for node, keys in self._keys.items()
        }

    def joins(self) -> list[_Join]:
        """Joins in order: what the words say, then near spellings by falling cosine, then what a judge says."""
        joins, near = [], []
        pairs = pairs_by_keys(self.nodes, {node: profile.words for node, profile in self._profiles.items()})
        for pair in pairs:
            if reason := certain(pair, self._profiles):
                joins.append(_Join(*pair, reason))
            elif may_be_near(pair, self._profiles) and not vetoed(pair, self._context):
                near.append(pair)
        unclear = ambiguous(((join.one, join.other) for join in joins if join.reason == ABBREVIATION), self._profiles)
        joins = [join for join in joins if join.reason != ABBREVIATION or not {join.one, join.other} & unclear]
        cosines = self._cosines(near)
        close = sorted(
            (pair for pair in near if cosines[pair] >= self._config.similarity), key=lambda p: (-cosines[p], p)
        )
        joins += [_Join(*pair, f"alike, and their embeddings near ({cosines[pair]:.2f})") for pair in close]
        self.compared = len(pairs)
        return joins if self._judge is None else [*joins, *self._judged(self._judge, cosines, set(close))]

    def told(self, rows: Iterable[Extraction], source_of: Mapping[str, str], own: Mapping[UseKey, Node]) -> list[_Join]:
        """Joins that a text states: "also known as"."""
        pairs: dict[Pair, str] = {}
        for row in rows:
            source = source_of[row.chunk_id]
            for triple in row.triples:
                if _ALSO.fullmatch(canonical(triple.predicate)):
                    ends = [own.get((normalise_name(name), source)) for name in (triple.subject, triple.object)]
                    one, other = sorted(end for end in ends if end is not None) if None not in ends else (None, None)
                    if one is not None and other is not None and self._may_be_told(one, other):
                        pairs.setdefault((one, other), triple.predicate)
        return [_Join(*pair, f"a text says: {predicate}") for pair, predicate in sorted(pairs.items())]

    def _may_be_told(self, one: Node, other: Node) -> bool:
        if "value" in (one.kind, other.kind) or (one.kind != other.kind and one.kind and other.kind):
            return False
        return not is_everyday(one, other, self._profiles) and not is_everyday(other, one, self._profiles)

    def _judged(self, judge: Judge, cosines: Mapping[Pair, float], close: set[Pair]) -> list[_Join]:
        """What is left open: alike but not near enough, or near without being alike."""
        named = [node for node in self.nodes if node.kind not in ("", "value") and not self._profiles[node].is_common]
        named = [node for node in named if node.kind != "person" or len(self._profiles[node].words) > 1]
        least = self._config.similarity - _BAND
        open_ = {pair for pair, cosine in cosines.items() if cosine >= least}
        nearest = nearest_pairs(named, self._encoder, least)
        self.compared += len(nearest.keys() - cosines.keys())
        joins = []
        for pair in sorted((open_ | nearest.keys()) - close):
            if pair[0].name == pair[1].name or certain(pair, self._profiles) or vetoed(pair, self._context):
                continue
            one, other = pair
            if judge.same(one.name, self._context(one), other.name, self._context(other)):
                joins.append(_Join(one, other, f"judged one thing by {judge.name}"))
        return joins

    def _cosines(self, pairs: Sequence[Pair]) -> dict[Pair, float]:
        names = sorted({node.name for pair in pairs for node in pair})
        vectors = dict(zip(names, self._encoder.encode(names), strict=True)) if names else {}
        return {(one, other): float(vectors[one.name] @ vectors[other.name]) for one, other in pairs}

    def _context(self, node: Node) -> Context:
        context = Context()
        for key in self._keys[node]:
            if key in self._contexts:
                context.add(self._contexts[key])
        return context


def _ruled(owner: Mapping[UseKey, Node], wholes: Mapping[UseKey, Node], ruled: Verdicts) -> list[_Join]:
    """Joins that people have ruled: between nodes of one kind where there are such, else between all of the names.

    A name that is only ever a part of another stands for that one. Uses that are ruled apart stay apart.
    """
    by_name: dict[str, list[Node]] = defaultdict(list)
    of_parts: dict[str, list[Node]] = defaultdict(list)
    for key, node in sorted(owner.items()):
        if not node.sense.startswith("@"):
            found = (of_parts if key in wholes else by_name)[key[0]]
            if node not in found:
                found.append(node)
    by_name = {**of_parts, **by_name}
    joins = []
    for name, other in sorted(ruled.merged):
        pairs = [(one, two) for one in by_name.get(name, ()) for two in by_name.get(other, ()) if one != two]
        alike = [(one, two) for one, two in pairs if one.kind == two.kind]
        joins += [_Join(one, two, "ruled one thing") for one, two in (pairs if name == other else alike or pairs)]
    return joins


def _entities(
    uses: Uses, groups: Mapping[UseKey, Node], parts: set[UseKey]
) -> tuple[dict[UseKey, str], tuple[Entity, ...]]:
    """Entity id of every use, and the entities."""
    members: dict[Node, list[UseKey]] = defaultdict(list)
    for key, group in groups.items():
        members[group].append(key)
    entities = []
    entity_of: dict[UseKey, str] = {}
    for group, keys in sorted(members.items()):
        entity = _entity([uses[key] for key in keys], [uses[key] for key in keys if key not in parts], group)
        entities.append(entity)
        entity_of |= dict.fromkeys(keys, entity.id)
    return entity_of, tuple(sorted(entities, key=lambda entity: entity.id))


def _entity(every: Sequence[Use], own: Sequence[Use], group: Node) -> Entity:
    """One entity from all its uses; its name comes from its `own` ones, not from parts of names."""
    types: Counter[str] = sum((use.types for use in own), Counter())
    type_ = most_frequent({t: n for t, n in types.items() if KINDS_OF_TYPE.get(t, "") == group.kind} or types)
    surfaces: Counter[str] = sum((use.surfaces for use in own), Counter())
    name = most_frequent(surfaces)
    aliases = {surface for use in every if not use.is_description for surface in use.surfaces} - {name}
    return Entity(
        id=make_id("e", normalise_name(name), type_, *([group.sense] if group.sense else [])),
        name=name,
        type=type_,
        aliases=tuple(sorted(aliases)),
        evidence=tuple(sorted({evidence for use in every for evidence in use.evidence})),
    )


def _facts(
    rows: Iterable[Extraction], source_of: Mapping[str, str], entity_of: Mapping[UseKey, str]
) -> tuple[Fact, ...]:
    evidence: dict[FactKey, set[Evidence]] = defaultdict(set)
    phrases: dict[FactKey, set[str]] = defaultdict(set)
    for row in rows:
        source = source_of[row.chunk_id]
        for triple in row.triples:
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
        worded = () if phrases[key] == {predicate} else tuple(sorted(phrases[key]))
        ends = (subject, predicate, object_, tuple(sorted(spans)))
        facts.append(Fact(make_id("f", *key), *ends, valid_from, valid_to, kind, status, worded))
    return tuple(sorted(facts, key=lambda fact: fact.id))
