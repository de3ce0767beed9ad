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
"""A kind that fewer than this share of a name's documents give is taken for a mistake of the extractor."""


class NameNode(NamedTuple):
    """The unit that is merged: a name, as one kind of thing.

    Attributes:
        name: Normalised name.
        kind: Kind of thing (see `KINDS_OF_TYPE`).
        sense: Which of several things of this name and kind it is; "" for the main one.
    """

    name: str
    kind: str
    sense: str = ""


UseKey = tuple[str, str]
"""Normalised name and source of the document."""


@dataclass(slots=True)
class NameUse:
    """How one document uses one normalised name.

    Attributes:
        types: How often the extractor gave it each type.
        surfaces: How often it is written in each way.
        evidence: Spans that name it.
        kind: Kind of thing, settled by `collect`.
    """

    types: Counter[str] = field(default_factory=Counter)
    surfaces: Counter[str] = field(default_factory=Counter)
    evidence: set[Evidence] = field(default_factory=set)
    kind: str = ""

    @property
    def is_description(self) -> bool:
        """Whether it is always written as "the …" in small letters, so that it is no name of its own."""
        return all(surface.startswith(("the ", "The ")) and surface[4:].islower() for surface in self.surfaces)

    @property
    def is_capitalised(self) -> bool:
        """Whether it always begins with a capital letter."""
        return all(surface[:1].isupper() for surface in self.surfaces)

    @property
    def is_common(self) -> bool:
        """Whether it is a common noun: in small letters, but for an article or the first letter of a sentence."""
        return any(surface.islower() for surface in self.surfaces) and not any(
            surface[1:] != surface[1:].lower() for surface in self.surfaces
        )


Uses = dict[UseKey, NameUse]


def collect(extractions: Iterable[Extraction], source_of: Mapping[str, str]) -> Uses:
    """All uses, sorted, with their kinds.

    Args:
        extractions: Extractions of all chunks.
        source_of: Source of the document of every chunk id.
    """
    uses: Uses = defaultdict(NameUse)
    for extraction in extractions:
        for mention in extraction.mentions:
            if name := normalise_name(mention.name):
                use = uses[name, source_of[extraction.chunk_id]]
                use.types[mention.type] += 1
                use.surfaces[mention.name] += 1
                use.evidence.add(mention.evidence)
    sorted_uses = dict(sorted(uses.items()))
    _set_kinds(sorted_uses)
    return sorted_uses


def most_frequent(counts: Mapping[str, int]) -> str:
    """The key of the highest count, ties by key."""
    return min(counts, key=lambda key: (-counts[key], key))


def _set_kinds(uses: Uses) -> None:
    """Settle the kind of every use: within its document first, then by a vote of the documents of its name."""
    by_name: dict[str, list[NameUse]] = defaultdict(list)
    for (name, _), use in uses.items():
        by_name[name].append(use)
        counts: Counter[str] = Counter()
        for type_, count in use.types.items():
            counts[KINDS_OF_TYPE.get(type_, "")] += count
        # Any known kind outvotes "", which says only that the type is none of the table's.
        use.kind = most_frequent({kind: count for kind, count in counts.items() if kind} or counts)
    for same_name in by_name.values():
        documents = Counter(use.kind for use in same_name if use.kind)
        if not documents:
            continue
        main = most_frequent(documents)
        is_common = all(use.is_common or use.is_description for use in same_name)
        for use in same_name:
            # Kinds that enough documents give stay apart: "Jordan" the person and "Jordan" the place are two nodes.
            if not use.kind or is_common or documents[use.kind] < _MISTAKE_SHARE * documents.total():
                use.kind = main
