"""What of a model's answer stands in the passage: names and facts, each with the span that shows it.

Nothing is believed. A name must stand in the passage; a fact's subject and object in one sentence, or
in the sentence given with it and the two before, where a pronoun stands for one of them; a year in
the text or the document's date. What isn't there is dropped and counted, so that a reader of the
graph can look up every edge, and a model that invents is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kg.schema import Chunk, Evidence, Mention, Triple
from kg.spans import Folded, Span, fold

MAX_PREDICATE_WORDS = 8
MAX_NAME_WORDS = 12
_REACH = 2
_EDGES = ' \t\n.,;:!?"“”„«»()[]'
_ISO_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_MONTH_WORDS = "january february march april may june july august september october november december"
_PRONOUN_WORDS = """
    i me mine myself you yours yourself he him his himself she her hers herself it its itself we us ours ourselves
    they them theirs themselves who whom whose which what that this these those one ones someone somebody something
    anyone anybody anything everyone everybody everything nobody nothing none there here another others both each
    all some many most few several the a an and or of
"""
_POINTER_WORDS = "this that these those my your his her its our their such"
_MONTHS, _PRONOUNS, _POINTERS = (frozenset(w.split()) for w in (_MONTH_WORDS, _PRONOUN_WORDS, _POINTER_WORDS))


class SentenceFacts(BaseModel):
    """The facts of one sentence: [subject, relation, object], then dates of begin and end if given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    facts: tuple[Annotated[tuple[str, ...], Field(min_length=3, max_length=5)], ...]


class Answer(BaseModel):
    """A model's answer to the extraction prompt: names by type, facts by sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: tuple[str, ...] = ()
    organisation: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    work: tuple[str, ...] = ()
    event: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    facts: tuple[SentenceFacts, ...]


TYPES = tuple(name for name in Answer.model_fields if name != "facts")
"""Types that a model is asked for; "value" comes beside them, for dates and amounts."""


@dataclass(slots=True)
class Verified:
    """What stood up, in the order of the answer."""

    mentions: list[Mention] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)
    dropped: int = 0


def verify(answer: Answer, chunk: Chunk, sentences: Sequence[Span], date: str = "") -> Verified:
    """Keep what the passage holds.

    Args:
        answer: The model's answer about those sentences.
        chunk: The passage.
        sentences: Spans in the chunk's text of the sentences as they were numbered, from 1.
        date: The document's date: its year may stand in a validity without standing in the text.
    Returns:
        Every place of every name; facts with the sentence, or the run of at most three, that holds both
        ends; the number of names and facts refused. Repetitions are merged and not counted.
    """
    return _Check(chunk, sentences, date).run(answer)


class _Check:
    def __init__(self, chunk: Chunk, sentences: Sequence[Span], date: str) -> None:
        self.chunk = chunk
        self.text = Folded(chunk.text)
        self.sentences = sentences
        self.years = set(re.findall(r"\d{4}", f"{chunk.text} {date}"))
        self.types: dict[str, str] = {}

    def run(self, answer: Answer) -> Verified:
        result = Verified()
        for type_ in TYPES:
            for given in getattr(answer, type_):
                name = self._name(given)
                if name is None:
                    result.dropped += 1
                else:
                    self.types.setdefault(name, type_)
        triples: dict[Triple, None] = {}
        for sentence in answer.facts:
            for fact in sentence.facts:
                triple = self._triple(sentence.n, fact)
                if triple is None:
                    result.dropped += 1
                else:
                    triples[triple] = None
        result.triples = list(triples)
        result.mentions = self._mentions()
        return result

    def _name(self, given: str, within: Span | None = None) -> str | None:
        """The folded form under which a given name stands in the text, or None."""
        plain = fold(given.strip(_EDGES))
        for name in (plain, plain.removesuffix("'s"), plain.removeprefix("the ")):
            if is_name(name) and self.text.find(name, within):
                return name
        return None

    def _triple(self, number: int, fact: Sequence[str]) -> Triple | None:
        """The fact with the place that shows it, or None where no place does."""
        predicate = " ".join(fact[1].lower().split()).strip(_EDGES)
        if not re.search(r"[^\W\d_]", predicate) or len(predicate.split()) > MAX_PREDICATE_WORDS:
            return None
        for place in self._places(number):
            subject, object_ = self._name(fact[0], place), self._name(fact[2], place)
            if subject is None or object_ is None or subject == object_:
                continue
            for name in (subject, object_):
                self.types.setdefault(name, guess_type(name))
            return Triple(
                subject=self._surface(subject, place),
                predicate=predicate,
                object=self._surface(object_, place),
                evidence=Evidence(self.chunk.id, *place),
                valid_from=self._date(fact[3:4]),
                valid_to=self._date(fact[4:5]),
            )
        return None

    def _places(self, number: int) -> Iterator[Span]:
        """Where a fact may stand, best first: the sentence given; any sentence; the given one with those before it.

        The last is for "She follows Tom Hale", where the name behind "she" stands a sentence or two earlier.
        """
        here = number - 1
        known = 0 <= here < len(self.sentences)
        if known:
            yield self.sentences[here]
        yield from self.sentences
        for first in range(here - 1, max(here - 1 - _REACH, -1), -1) if known else ():
            yield (self.sentences[first][0], self.sentences[here][1])

    def _surface(self, name: str, within: Span | None) -> str:
        """A name as the text writes it, on one line."""
        span = self.text.find(name, within)
        assert span is not None, "only names that were found have a surface"
        return " ".join(self.chunk.text[slice(*span)].split())

    def _date(self, given: Sequence[str]) -> str:
        """An ISO date whose year is known, or ""; `given` holds at most one."""
        return next((date for date in given if _ISO_DATE.fullmatch(date) and date[:4] in self.years), "")

    def _mentions(self) -> list[Mention]:
        """Every place of every name; a place inside a longer name counts only where a name has no other."""
        taken: list[Span] = []
        found: dict[str, list[Span]] = {}
        for name in sorted(self.types, key=lambda name: (-len(name), name)):
            spans = list(self.text.find_all(name))
            free = [span for span in spans if not any(t[0] <= span[0] and span[1] <= t[1] for t in taken)]
            found[name] = free or spans[:1]
            taken += free
        return [
            Mention(
                name=" ".join(self.chunk.text[slice(*span)].split()),
                type=kind,
                evidence=Evidence(self.chunk.id, *span),
            )
            for name, kind in self.types.items()
            for span in found[name]
        ]


def is_name(name: str) -> bool:
    """Whether a folded text can name a thing: letters or digits, not a pronoun, not "his boat".

    Example:
        >>> [is_name(name) for name in ("ada lorne", "she", "its owner", "&")]
        [True, False, False, False]
    """
    words = name.split()
    if not words or len(words) > MAX_NAME_WORDS or not any(character.isalnum() for character in name):
        return False
    return name not in _PRONOUNS and not (len(words) > 1 and words[0] in _POINTERS)


def guess_type(name: str) -> str:
    """Type of a folded name that the model used in a fact without listing it.

    Example:
        >>> guess_type("12 february 2032"), guess_type("the ice house")
        ('value', 'other')
    """
    return "value" if any(character.isdigit() for character in name) or name in _MONTHS else "other"
