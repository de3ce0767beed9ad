"""What the facts say of a name: whom it is linked with, in which words, and when it was born or died.

By this neighbourhood resolution tells two people of one name apart, or sees that two names cannot be one thing. A judge
is given the same facts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kg.language.predicates import canonical
from kg.language.text import normalise_name
from kg.resolution.uses import UseKey
from kg.schema import Extraction

_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_ONCE = ("born", "dies")
"""First words of canonical predicates that hold once in a life, so that two different years mean two people."""


@dataclass(slots=True)
class NameContext:
    """What the facts of one or several documents say of a name.

    Attributes:
        partners: Normalised names at the other end of a fact.
        phrases: The rest of each fact, without the name.
        years: Years by "born" and "dies".
    """

    partners: set[str] = field(default_factory=set)
    phrases: set[str] = field(default_factory=set)
    years: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, other: NameContext) -> None:
        """Add another context of the same name."""
        self.partners |= other.partners
        self.phrases |= other.phrases
        for event, years in other.years.items():
            self.years[event] |= years

    def contradicts(self, other: NameContext) -> bool:
        """Whether the two were born, or died, in different years.

        One common year suffices for agreement, since the object of a fact may hold several years.
        """
        return any(
            years and other.years[event] and not years & other.years[event]
            for event, years in self.years.items()
            if event in other.years
        )


def contexts_of(extractions: Iterable[Extraction], source_of: Mapping[str, str]) -> dict[UseKey, NameContext]:
    """The context of every name that a document has facts of.

    Args:
        extractions: Extractions of all chunks.
        source_of: Source of the document of every chunk id.
    """
    contexts: dict[UseKey, NameContext] = defaultdict(NameContext)
    for extraction in extractions:
        source = source_of[extraction.chunk_id]
        for triple in extraction.triples:
            subject, object_ = normalise_name(triple.subject), normalise_name(triple.object)
            predicate = canonical(triple.predicate)
            of_subject, of_object = contexts[subject, source], contexts[object_, source]
            of_subject.partners.add(object_)
            of_subject.phrases.add(f"{triple.predicate} {triple.object}")
            of_object.partners.add(subject)
            of_object.phrases.add(f"{triple.subject} {triple.predicate}")
            event = predicate.split(" ", 1)[0]
            if event in _ONCE:
                of_subject.years[event].update(_YEAR.findall(triple.object))
    return dict(contexts)
