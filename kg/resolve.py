"""From names to things: which mentions of a corpus are one entity, and which facts are one fact.

1. Mentions with the same normalised name are one thing, unless the documents that use it disagree on
   what kind of thing it is: a person is not a place of the same name. A kind that only a small share of
   those documents gives is taken for a mistake of the model.
2. Within one document a part stands for the whole if only one whole fits: "Lorne" for the person "Ada
   Lorne", "the mill" for "Bellwick Mill". In another document "Lorne" may be another person.
3. Different names of one kind are one thing if they are the same but for a title or a legal form, or if
   their words are alike (`kg.names.alike`) and their embeddings near. An abbreviation belongs to the
   full name if a document has both.

Two people of the same full name stay one entity: nothing here tells them apart. All of it is a pure
function of the extractions, whatever their order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from kg.config import ResolveConfig
from kg.names import alike, core, initials_of, is_initialism, squash
from kg.schema import Entity, Evidence, Extraction, Fact, make_id
from kg.text import normalise_name
from models.protocols import Encoder

KINDS_OF_TYPE = {
    "person": "person",
    "organisation": "institution",
    "place": "institution",
    "product": "thing",
    "work": "thing",
    "event": "thing",
    "value": "value",
}
"""Types that models often mix up count as one kind; a type that isn't here has the kind ""."""

_MISTAKE_SHARE = 0.25
_LARGEST_BLOCK = 50

Node = tuple[str, str]
"""Normalised name and kind."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the corpus is about, sorted by id."""

    entities: tuple[Entity, ...]
    facts: tuple[Fact, ...]


@dataclass(slots=True)
class _Use:
    """How one document uses one normalised name."""

    types: Counter[str] = field(default_factory=Counter)
    surfaces: Counter[str] = field(default_factory=Counter)
    evidence: set[Evidence] = field(default_factory=set)
    kind: str = ""

    @property
    def is_description(self) -> bool:
        """Always written as "the …" in small letters: no name of its own."""
        return all(surface.startswith(("the ", "The ")) and surface[4:].islower() for surface in self.surfaces)

    @property
    def is_capitalised(self) -> bool:
        return all(surface[:1].isupper() for surface in self.surfaces)


Uses = dict[tuple[str, str], _Use]
"""By normalised name and document id."""


def resolve(
    extractions: Iterable[Extraction],
    document_of: Mapping[str, str],
    encoder: Encoder,
    config: ResolveConfig,
) -> Resolution:
    """Merge mentions into entities and triples into facts.

    Args:
        extractions: One a chunk.
        document_of: Document id of every chunk id.
        encoder: Embeds names that might be merged, and no others.
        config: How near is near.
    Returns:
        Entities and facts, independent of the order of `extractions`.
    """
    rows = sorted(extractions, key=lambda extraction: extraction.id)
    uses = _collect(rows, document_of)
    _set_kinds(uses)
    wholes = _link_parts(uses)
    owner = {use: wholes.get(use, (use[0], uses[use].kind)) for use in uses}
    groups = _merge_names({use: node for use, node in owner.items() if use not in wholes}, uses, encoder, config)
    entity_of, entities = _entities(uses, {use: groups[node] for use, node in owner.items()}, set(wholes))
    return Resolution(entities, _facts(rows, document_of, entity_of))


def _collect(rows: Sequence[Extraction], document_of: Mapping[str, str]) -> Uses:
    uses: Uses = defaultdict(_Use)
    for row in rows:
        for mention in row.mentions:
            if name := normalise_name(mention.name):
                use = uses[name, document_of[row.chunk_id]]
                use.types[mention.type] += 1
                use.surfaces[mention.name] += 1
                use.evidence.add(mention.evidence)
    return dict(sorted(uses.items()))


def _set_kinds(uses: Uses) -> None:
    """Decide the kind of every use: first within its document, then against the other documents."""
    by_name: dict[str, list[_Use]] = defaultdict(list)
    for (name, _), use in uses.items():
        by_name[name].append(use)
        counts: Counter[str] = Counter()
        for type_, count in use.types.items():
            counts[KINDS_OF_TYPE.get(type_, "")] += count
        use.kind = _most_frequent({kind: count for kind, count in counts.items() if kind} or counts)
    for same in by_name.values():
        documents = Counter(use.kind for use in same if use.kind)
        if not documents:
            continue
        main = _most_frequent(documents)
        for use in same:
            if not use.kind or documents[use.kind] < _MISTAKE_SHARE * documents.total():
                use.kind = main


def _most_frequent(counts: Mapping[str, int]) -> str:
    """The key of the highest count, ties by key."""
    return min(counts, key=lambda key: (-counts[key], key))


def _link_parts(uses: Uses) -> dict[tuple[str, str], Node]:
    """Uses of a part of a name, to the whole that the same document gives, where only one fits."""
    ends: dict[tuple[str, str], set[Node]] = defaultdict(set)
    for (name, document), use in uses.items():
        words = core(name, use.kind == "person")
        if len(words) >= 2 and use.kind != "value" and not use.is_description:
            ends[words[-1], document].add((name, use.kind))
    links = {}
    for (name, document), use in uses.items():
        words = core(name, is_person=True)
        if len(words) != 1:
            continue
        wholes = ends.get((words[0], document), set())
        if use.kind == "person" or (use.kind == "" and use.is_capitalised):
            fitting = {node for node in wholes if node[1] == "person"}
        elif use.is_description:
            fitting = {node for node in wholes if node[1] != "person"}
        else:
            continue
        if len({core(node[0], node[1] == "person") for node in fitting}) == 1:
            links[name, document] = min(fitting)
    return {use: whole for use, whole in links.items() if (whole[0], use[1]) not in links}


def _merge_names(
    owner: Mapping[tuple[str, str], Node], uses: Uses, encoder: Encoder, config: ResolveConfig
) -> dict[Node, Node]:
    """Union of names that mean one thing: every node to its group's first node."""
    documents: dict[Node, set[str]] = defaultdict(set)
    for (_, document), node in owner.items():
        documents[node].add(document)
    nodes = sorted(documents)
    cores = {node: core(node[0], node[1] == "person") for node in nodes}
    group = {node: node for node in nodes}
    near = []
    for one, other in _pairs(nodes, cores):
        words, others = cores[one], cores[other]
        if one[1] != other[1] or not one[1]:
            same = False
        elif one[1] == "person" and min(len(words), len(others)) < 2:
            continue  # a bare surname means somebody else in every document
        else:
            same = words == others
        if same or (_is_abbreviated(one, other, cores, uses) and documents[one] & documents[other]):
            _join(group, one, other)
        elif one[1] == other[1] and one[1] not in ("", "value") and alike(words, others, one[1] == "person"):
            near.append((one, other))
    for one, other in _near(near, encoder, config.similarity):
        _join(group, one, other)
    return {node: _root(group, node) for node in nodes}


def _pairs(nodes: Sequence[Node], cores: Mapping[Node, tuple[str, ...]]) -> list[tuple[Node, Node]]:
    """Pairs worth a look: they share a word, all letters, or initials; words that very many share are no sign."""
    blocks: dict[str, set[Node]] = defaultdict(set)
    for node in nodes:
        words = cores[node]
        for word in {*words, f"={squash(words)}", *(initials_of(words) if len(words) > 1 else ())}:
            blocks[word].add(node)
    pairs: set[tuple[Node, Node]] = set()
    for block in blocks.values():
        if 2 <= len(block) <= _LARGEST_BLOCK:
            pairs.update(combinations(sorted(block), 2))
    return sorted(pairs)


def _is_abbreviated(one: Node, other: Node, cores: Mapping[Node, tuple[str, ...]], uses: Uses) -> bool:
    """Whether one is the initials of the other, written in capitals, and the kinds don't speak against it."""
    if "person" in (one[1], other[1]) or (one[1] != other[1] and one[1] and other[1]):
        return False
    for short, full in ((one, other), (other, one)):
        if is_initialism(cores[short], cores[full]):
            written = [use.surfaces for (name, _), use in uses.items() if name == short[0]]
            return any(surface.isupper() for surfaces in written for surface in surfaces)
    return False


def _near(pairs: Sequence[tuple[Node, Node]], encoder: Encoder, similarity: float) -> list[tuple[Node, Node]]:
    """Those pairs whose embeddings reach the cosine."""
    names = sorted({node[0] for pair in pairs for node in pair})
    if not names:
        return []
    vectors = dict(zip(names, encoder.encode(names), strict=True))
    return [(one, other) for one, other in pairs if float(vectors[one[0]] @ vectors[other[0]]) >= similarity]


def _root(group: dict[Node, Node], node: Node) -> Node:
    while group[node] != node:
        group[node] = group[group[node]]
        node = group[node]
    return node


def _join(group: dict[Node, Node], one: Node, other: Node) -> None:
    first, second = sorted((_root(group, one), _root(group, other)))
    group[second] = first


def _entities(
    uses: Uses, groups: Mapping[tuple[str, str], Node], parts: set[tuple[str, str]]
) -> tuple[dict[tuple[str, str], str], tuple[Entity, ...]]:
    """Entity id of every use, and the entities."""
    members: dict[Node, list[tuple[str, str]]] = defaultdict(list)
    for use, group in groups.items():
        members[group].append(use)
    entities = []
    entity_of: dict[tuple[str, str], str] = {}
    for group, keys in sorted(members.items()):
        entity = _entity([uses[key] for key in keys], [uses[key] for key in keys if key not in parts], group[1])
        entities.append(entity)
        entity_of |= dict.fromkeys(keys, entity.id)
    return entity_of, tuple(sorted(entities, key=lambda entity: entity.id))


def _entity(every: Sequence[_Use], own: Sequence[_Use], kind: str) -> Entity:
    """One entity from all its uses; its name comes from its `own` ones, not from parts of names."""
    types: Counter[str] = sum((use.types for use in own), Counter())
    type_ = _most_frequent({t: n for t, n in types.items() if KINDS_OF_TYPE.get(t, "") == kind} or types)
    surfaces: Counter[str] = sum((use.surfaces for use in own), Counter())
    name = _most_frequent(surfaces)
    aliases = {surface for use in every if not use.is_description for surface in use.surfaces} - {name}
    return Entity(
        id=make_id("e", normalise_name(name), type_),
        name=name,
        type=type_,
        aliases=tuple(sorted(aliases)),
        evidence=tuple(sorted({evidence for use in every for evidence in use.evidence})),
    )


def _facts(
    rows: Iterable[Extraction], document_of: Mapping[str, str], entity_of: Mapping[tuple[str, str], str]
) -> tuple[Fact, ...]:
    evidence: dict[tuple[str, str, str, str, str], set[Evidence]] = defaultdict(set)
    for row in rows:
        document = document_of[row.chunk_id]
        for triple in row.triples:
            subject = entity_of.get((normalise_name(triple.subject), document))
            object_ = entity_of.get((normalise_name(triple.object), document))
            if subject and object_ and subject != object_:
                key = (subject, triple.predicate, object_, triple.valid_from, triple.valid_to)
                evidence[key].add(triple.evidence)
    facts = (
        Fact(make_id("f", *key), key[0], key[1], key[2], tuple(sorted(spans)), key[3], key[4])
        for key, spans in evidence.items()
    )
    return tuple(sorted(facts, key=lambda fact: fact.id))
