"""How each document uses each name: the material that resolution starts from.

A use is one normalised name in one document, with every way it is written there and every span. Its kind is settled
first within the document, then against the other documents: a kind that only a small share of them gives is taken for
a mistake of the model, and so is any disagreement about a common noun, which models type at random.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kg.language.text import normalise_name
from kg.schema import Evidence, Extraction

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


class Node(NamedTuple):
    """What is merged: a name, as one kind of thing.

    Attributes:
        name: Normalised.
        kind: See `KINDS_OF_TYPE`.
        sense: "", or which of several things of this name and kind it is.
    """

    name: str
    kind: str
    sense: str = ""


UseKey = tuple[str, str]
"""Normalised name and source of the document."""


@dataclass(slots=True)
class Use:
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

    @property
    def is_common(self) -> bool:
        """A common noun: in small letters, but for an article or a first letter that begins a sentence."""
        return any(surface.islower() for surface in self.surfaces) and not any(
            surface[1:] != surface[1:].lower() for surface in self.surfaces
        )


Uses = dict[UseKey, Use]


def collect(rows: Iterable[Extraction], source_of: Mapping[str, str]) -> Uses:
    """All uses, sorted, with their kinds.

    Args:
        rows: Readings of chunks.
        source_of: Source of the document of every chunk id.
    """
    uses: Uses = defaultdict(Use)
    for row in rows:
        for mention in row.mentions:
            if name := normalise_name(mention.name):
                use = uses[name, source_of[row.chunk_id]]
                use.types[mention.type] += 1
                use.surfaces[mention.name] += 1
                use.evidence.add(mention.evidence)
    found = dict(sorted(uses.items()))
    _set_kinds(found)
    return found


def most_frequent(counts: Mapping[str, int]) -> str:
    """The key of the highest count, ties by key."""
    return min(counts, key=lambda key: (-counts[key], key))


def _set_kinds(uses: Uses) -> None:
    by_name: dict[str, list[Use]] = defaultdict(list)
    for (name, _), use in uses.items():
        by_name[name].append(use)
        counts: Counter[str] = Counter()
        for type_, count in use.types.items():
            counts[KINDS_OF_TYPE.get(type_, "")] += count
        use.kind = most_frequent({kind: count for kind, count in counts.items() if kind} or counts)
    for same in by_name.values():
        documents = Counter(use.kind for use in same if use.kind)
        if not documents:
            continue
        main = most_frequent(documents)
        is_common = all(use.is_common or use.is_description for use in same)
        for use in same:
            if not use.kind or is_common or documents[use.kind] < _MISTAKE_SHARE * documents.total():
                use.kind = main
