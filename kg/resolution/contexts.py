"""What the facts say of a name: whom it is linked with, in which words, and when it was born or died.

This is the neighbourhood by which resolution tells two people of one name apart, or sees that two names cannot be one
thing. A judge gets the same facts to read.
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
"""Canonical predicates that begin so hold once in a life."""


@dataclass(slots=True)
class Context:
    """What the facts of one or several documents say of a name.

    Attributes:
        partners: Normalised names at the other end of a fact.
        phrases: The rest of each fact, without the name.
        years: Years by "born" and "dies".
    """

    partners: set[str] = field(default_factory=set)
    phrases: set[str] = field(default_factory=set)
    years: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, other: Context) -> None:
        """Take in another context of the same name."""
        self.partners |= other.partners
        self.phrases |= other.phrases
        for event, years in other.years.items():
            self.years[event] |= years

    def contradicts(self, other: Context) -> bool:
        """Whether the two were born, or died, in different years."""
        return any(
            years and other.years[event] and not years & other.years[event]
            for event, years in self.years.items()
            if event in other.years
        )


NO_CONTEXT = Context()


def contexts_of(rows: Iterable[Extraction], source_of: Mapping[str, str]) -> dict[UseKey, Context]:
    """The context of every name that a document has facts of."""
    contexts: dict[UseKey, Context] = defaultdict(Context)
    for row in rows:
        source = source_of[row.chunk_id]
        for triple in row.triples:
            subject, object_ = normalise_name(triple.subject), normalise_name(triple.object)
            predicate = canonical(triple.predicate)
            mine, theirs = contexts[subject, source], contexts[object_, source]
            mine.partners.add(object_)
            mine.phrases.add(f"{triple.predicate} {triple.object}")
            theirs.partners.add(subject)
            theirs.phrases.add(f"{triple.subject} {triple.predicate}")
            event = predicate.split(" ", 1)[0]
            if event in _ONCE:
                mine.years[event].update(_YEAR.findall(triple.object))
    return dict(contexts)
