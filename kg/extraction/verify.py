"""What of a model's answer stands in the passage: facts, each with the span that shows it, and the names in them.

Nothing is believed. A fact's subject and object must stand in one sentence, or in two neighbours; where the sentence
of one has a pronoun, the other may stand a few sentences before, or be the document's title, for which a part of its
name may stand too. And that place must hold a word of the relation, or one that begins like it. Of an object that goes
on into words which are not there ("the mountain since long ago") what is there counts. What isn't there is dropped and
counted, so that a reader of the graph can look up every edge, and a model that invents is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kg.extraction.claims import claim
from kg.extraction.proposals import THING, Proposal
from kg.extraction.validity import validity
from kg.language.spans import Folded, Span, bare, fold, spaced
from kg.schema import Chunk, Evidence, Mention, Triple

Shown = tuple[Chunk, Sequence[Span]]
MAX_PREDICATE_WORDS = 8
MAX_NAME_WORDS = 8
_STEM = 4
"""Letters by which two forms of a word are known: "founded" and "founder"; those of "wrote" and "written" aren't.

Of Korean words, syllables."""
_SYLLABLES = 2
_WORD = re.compile(r"\w+(?:'t\b)?")
_EDGES = ' \t\n.,;:!?"“”„«»()[]'
_PRONOUN = re.compile(r"\b(?:he|she|it|they|his|her|hers|its|their)\b", re.IGNORECASE)
_HANGING_ARTICLE = re.compile(r" (?:the|an?)$")
_HALF_A_SENTENCE = re.compile(r"\b(?:and|but|or|that|which|who|its|his|her|their)$")
_JOINT = re.compile(r",| (?:of|in|at|on|for|with|by|from|to|since|as|and|or|that|which|who|when|where|while) ")
"""Where a name may end and its sentence go on."""
_REACH = 3
"""How many sentences before a pronoun the name that it stands for is looked for, as in `kg.extraction.nlp`."""
_DENIAL = re.compile(r"\b(?:not|never|cannot|\w+n't)\b")
_DENIAL_REACH = 3
"""Words before a relation's among which "not" denies it: "did not really leave"."""
_MONTH_WORDS = "january february march april may june july august september october november december"
_PRONOUN_WORDS = """
    i me mine myself you yours yourself he him his himself she her hers herself it its itself we us ours ourselves
    they them theirs themselves who whom whose which what that this these those one ones someone somebody something
    anyone anybody anything everyone everybody everything nobody nothing none there here another others both each
    all some many most few several the a an and or of
"""
_POINTER_WORDS = "this that these those my your his her its our their such i he she it we you they who which"
_SHORT_WORDS = "a an the is are was be has had do did of in at on to by for as and or its his her not"
_MONTHS, _PRONOUNS, _POINTERS, _FUNCTION_WORDS = (
    frozenset(words.split()) for words in (_MONTH_WORDS, _PRONOUN_WORDS, _POINTER_WORDS, _SHORT_WORDS)
)


@dataclass(slots=True)
class Verified:
    """What stood up, in the order of the answer."""

    mentions: list[Mention] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)
    dropped: int = 0


def verify(
    facts: Iterable[Proposal], shown: Sequence[Shown], title: str = "", relations: Iterable[str] = ()
) -> Verified:
    """Keep what the passages hold.

    Args:
        facts: What a model proposes about those passages.
        shown: Passages with the spans in their text of the sentences that the model was shown.
        title: Of their document; its name may be an end of a fact whose sentence has a pronoun instead.
        relations: Those that the model had to choose from, kept as they are: they need not stand in the text.
    Returns:
        Each fact with the sentence, or the two neighbours of one passage, that show it; every place of every name in
        them; the number of facts refused. Repetitions are merged and not counted.
    """
    return _Check(shown, title, {fold(relation): relation for relation in relations}).run(facts)


@dataclass(frozen=True, slots=True)
class _Place:
    """A span of a passage, with the passage's text prepared for searching."""

    chunk: Chunk
    text: Folded
    span: Span

    def find(self, name: str) -> Span | None:
        return self.text.find(name, self.span)

    @property
    def words(self) -> str:
        return self.chunk.text[slice(*self.span)]


class _Check:
    def __init__(self, shown: Sequence[Shown], title: str, relations: dict[str, str]) -> None:
        self.passages = [(chunk, Folded(chunk.text)) for chunk, _ in shown]
        pieces = [(chunk, text, spans) for (chunk, text), (_, spans) in zip(self.passages, shown, strict=True)]
        self.sentences = [_Place(chunk, text, span) for chunk, text, spans in pieces for span in spans]
        self.pairs = [
            _Place(chunk, text, (one[0], other[1])) for chunk, text, spans in pieces for one, other in pairwise(spans)
        ]
        self.behind = {
            sentence: [each for each in self.sentences[max(0, place - _REACH) : place] if each.chunk is sentence.chunk]
            for place, sentence in enumerate(self.sentences)
            if _PRONOUN.search(sentence.words)
        }
        self.title = " ".join(title.partition(" (")[0].split())
        self.title_words = {word for word in _WORD.findall(self.title) if word[0].isupper() and len(word) >= _STEM}
        self.relations = relations
        self.types: dict[str, str] = {}
        self.of_title: list[Evidence] = []

    def run(self, facts: Iterable[Proposal]) -> Verified:
        result = Verified()
        triples: dict[Triple, None] = {}
        for fact in facts:
            triple = self._triple(fact)
            if triple is None:
                result.dropped += 1
            else:
                triples[triple] = None
        result.triples = list(triples)
        result.mentions = [mention for chunk, text in self.passages for mention in self._mentions(chunk, text)]
        kind = self.types.get(fold(self.title), "other")
        result.mentions += [Mention(self.title, kind, place) for place in dict.fromkeys(self.of_title)]
        return result

    def _triple(self, fact: Proposal) -> Triple | None:
        """The fact with the place that shows it, or None where no place does."""
        predicate = self.relations.get(fold(fact.predicate)) or _relation(fact.predicate)
        if not predicate:
            return None
        for place in self._places(predicate):
            subject, object_ = _name_in(fact.subject, place.find), _object_in(fact.object, place.find)
            if subject and object_ and subject != object_ and self._is_told(predicate, place):
                ends = _surface(subject, place), _surface(object_, place)
                return self._stated(fact, predicate, (subject, object_), ends, place)
        return self._from_afar(fact, predicate) or self._of_title(fact, predicate)

    def _from_afar(self, fact: Proposal, predicate: str) -> Triple | None:
        """The fact as a sentence with a pronoun tells it of a subject that stands a few sentences before."""
        for place, before in self.behind.items():
            object_ = _object_in(fact.object, place.find)
            if object_ is None or not self._is_told(predicate, place):
                continue
            for other in reversed(before):
                subject = _name_in(fact.subject, other.find)
                if subject and subject != object_:
                    ends = _surface(subject, other), _surface(object_, place)
                    whole = _Place(place.chunk, place.text, (other.span[0], place.span[1]))
                    return self._stated(fact, predicate, (subject, object_), ends, whole)
        return None

    def _of_title(self, fact: Proposal, predicate: str) -> Triple | None:
        """The fact as a sentence tells it of what the document is about, by a pronoun or a part of its name."""
        of_title = [fold(end) == fold(self.title) for end in (fact.subject, fact.object)]
        if not self.title or of_title[0] == of_title[1] or not is_name(fold(self.title)):
            return None
        for place in self.sentences:
            other = _object_in(fact.object, place.find) if of_title[0] else _name_in(fact.subject, place.find)
            if other and self._tells_of_title(place) and self._is_told(predicate, place):
                names = (fold(self.title), other) if of_title[0] else (other, fold(self.title))
                surface = _surface(other, place)
                ends = (self.title, surface) if of_title[0] else (surface, self.title)
                self.of_title.append(Evidence(place.chunk.id, *place.span))
                return self._stated(fact, predicate, names, ends, place)
        return None

    def _tells_of_title(self, place: _Place) -> bool:
        """Whether a pronoun or a part of the name may stand for what the document is about."""
        return bool(_PRONOUN.search(place.words)) or not self.title_words.isdisjoint(_WORD.findall(place.words))

    def _stated(
        self, fact: Proposal, predicate: str, names: tuple[str, str], ends: tuple[str, str], place: _Place
    ) -> Triple:
        for name, kind in zip(names, (fact.subject_kind, fact.object_kind), strict=True):
            known = self.types.setdefault(name, _plausible(name, kind))
            if known == "other" and kind:
                self.types[name] = _plausible(name, kind)
        dates = _validity(names, predicate, place)
        return Triple(ends[0], predicate, ends[1], Evidence(place.chunk.id, *place.span), *dates, *claim(place.words))

    def _is_told(self, predicate: str, place: _Place) -> bool:
        return predicate in self.relations.values() or _told(predicate, place.words)

    def _places(self, predicate: str) -> list[_Place]:
        """Where a fact may stand, best first: single sentences, those with the predicate's words before others.

        Then two neighbours, for "She follows Tom Hale", where the name behind "she" stands a sentence before.
        """
        words = predicate.split()
        found = [sum(place.find(word) is not None for word in words) for place in self.sentences]
        best_first = sorted(range(len(found)), key=lambda number: -found[number])
        return [*(self.sentences[number] for number in best_first), *self.pairs]

    def _mentions(self, chunk: Chunk, text: Folded) -> list[Mention]:
        """Every place of every name; a place inside a longer name counts only where a name has no other."""
        taken: list[Span] = []
        found: dict[str, list[Span]] = {}
        for name in sorted(self.types, key=lambda name: (-len(name), name)):
            spans = list(text.find_all(name))
            free = [span for span in spans if not any(t[0] <= span[0] and span[1] <= t[1] for t in taken)]
            found[name] = free or spans[:1]
            taken += free
        return [
            Mention(
                name=" ".join(chunk.text[slice(*span)].split()),
                type=kind,
                evidence=Evidence(chunk.id, *span),
            )
            for name, kind in self.types.items()
            for span in found[name]
        ]


def _relation(given: str) -> str:
    """A relation in the text's words, or "" where it is none: without letters, too long, or half a sentence.

    Example:
        >>> _relation(" Was the founder of the "), _relation("met Ada, who")
        ('was the founder of', '')
    """
    words = _HANGING_ARTICLE.sub("", " ".join(given.lower().split()).strip(_EDGES))
    fits = re.search(r"[^\W\d_]", words) and len(words.split()) <= MAX_PREDICATE_WORDS
    return words if fits and not _HALF_A_SENTENCE.search(words) else ""


def _name_in(given: str, find: Callable[[str], object]) -> str | None:
    """The folded form under which a given name is found, or None."""
    plain = fold(given.strip(_EDGES))
    for name in (plain, plain.removesuffix("'s"), bare(plain)):
        if is_name(name) and find(name):
            return name
    return None


def _object_in(given: str, find: Callable[[str], object]) -> str | None:
    """As `_name_in`; of what isn't found, the longest part before a joint that is.

    Example:
        >>> _object_in("mountain since long ago", lambda name: name == "mountain")
        'mountain'
    """
    joints = [match.start() for match in _JOINT.finditer(given)]
    parts = (given[:end] for end in (len(given), *reversed(joints)))
    return next((name for part in parts if (name := _name_in(part, find))), None)


def _told(predicate: str, words: str) -> bool:
    """Whether a text holds a word of the relation, or one that begins like it, and doesn't deny it.

    A relation of short words alone ("is in") says too little to be checked. Of one in a script without spaces, a
    character must stand there; syllables and signs of Japanese may be endings and aren't counted.

    Example:
        >>> _told("worked for", "Ada never worked for Tom."), _told("never worked for", "Ada never worked for Tom.")
        (False, True)
    """
    relation, text = fold(predicate), fold(words)
    letters = [character for character in relation if character.isalpha()]
    if not any(spaced(character) or _is_hangul(character) for character in letters):
        signs = {character for character in letters if character >= "\u3400"}
        return not signs or not signs.isdisjoint(text)
    wanted = _WORD.findall(relation)
    stems = {stem for word in wanted if (stem := _stem(word))}
    if not stems:
        return True
    whole = {word for word in wanted if word not in _FUNCTION_WORDS}
    found = _WORD.findall(text)
    shared = [place for place, word in enumerate(found) if word in whole or _stem(word) in stems]
    return any(_DENIAL.search(relation) or not _is_denied(found, place) for place in shared)


def _stem(word: str) -> str:
    """What two forms of a word begin with, or "" of a word too short to tell."""
    length = _SYLLABLES if _is_hangul(word[0]) else _STEM
    return word[:length] if len(word) >= length else ""


def _is_hangul(character: str) -> bool:
    return "\uac00" <= character <= "\ud7a3"


def _is_denied(words: Sequence[str], place: int) -> bool:
    """Whether "not" or "never" stands just before a word; "not only" denies nothing."""
    before = words[max(0, place - _DENIAL_REACH) : place]
    return any(_DENIAL.fullmatch(word) for word in before) and "only" not in before


def _validity(names: tuple[str, str], predicate: str, place: _Place) -> tuple[str, str]:
    spans = [span for name in names if (span := place.find(name))]
    end = max(span[1] for span in spans)
    return validity(predicate, names[1], place.chunk.text[end : place.span[1]])


def _surface(name: str, place: _Place) -> str:
    """A name as the text writes it, on one line."""
    span = place.find(name)
    assert span is not None, "only names that were found have a surface"
    return " ".join(place.chunk.text[slice(*span)].split())


def is_name(name: str) -> bool:
    """Whether a folded text can name a thing: letters or digits, not a pronoun, not "his boat".

    Example:
        >>> [is_name(name) for name in ("ada lorne", "she", "its owner", "&")]
        [True, False, False, False]
    """
    words = name.split()
    if not words or len(words) > MAX_NAME_WORDS or not any(character.isalnum() for character in name):
        return False
    return not (name in _PRONOUNS or (len(words) > 1 and words[0] in _POINTERS))


def _plausible(name: str, kind: str) -> str:
    """The kind given, but "60 people" is an amount and no person, and a thing is of no kind in particular.

    Where none is given, the caller may know better.
    """
    if kind == "":
        return "other"
    if kind == THING:
        return guess_type(name)
    return "value" if kind == "person" and guess_type(name) == "value" else kind


def guess_type(name: str) -> str:
    """Type of a folded name that the model used in a fact without listing it.

    Example:
        >>> guess_type("12 february 2032"), guess_type("the ice house")
        ('value', 'other')
    """
    return "value" if any(character.isdigit() for character in name) or name in _MONTHS else "other"
