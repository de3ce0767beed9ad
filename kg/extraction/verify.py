"""Which of a model's proposed facts the text holds: facts, each with the span that states it, and the names in them.

Nothing is believed. A fact's subject and object must be in one sentence, or in two neighbouring ones. If the sentence
of one has a pronoun, the other may be a few sentences before, or be the document's title, or a part of its name. That
span must also contain a word of the relation, or one that begins like it. If an object ends in words that are not there
("the mountain since long ago"), the part that is there counts. All other facts are dropped and counted, so that a
reader of the graph can look up every edge, and a model that invents facts is detected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import regex

from kg.extraction.claims import claim
from kg.extraction.proposals import THING, Proposal
from kg.extraction.validity import validity
from kg.language import korean
from kg.language.spans import FoldedText, Span, bare, fold
from kg.language.words import is_hangul, is_spaced, visible
from kg.language.words import words as words_of
from kg.schema import Chunk, Evidence, Mention, Triple

ShownChunk = tuple[Chunk, Sequence[Span]]
MAX_PREDICATE_WORDS = 8
MAX_NAME_WORDS = 8
_STEM = 4
"""Number of first letters that two forms of a word share: "founded" and "founder"; "wrote" and "written" do not."""
_SYLLABLES = 2
"""Number of first syllables that two forms of a Korean word share."""
_WORD = regex.compile(r"[\w\p{M}]+(?:'t\b)?")
_EDGES = ' \t\n.,;:!?"“”„«»()[]' + "。、，．！？：；「」『』（）《》〈〉【】।॥؟،؛؟۔·…"
_PRONOUN = re.compile(r"\b(?:he|she|it|they|his|her|hers|its|their)\b", re.IGNORECASE)
_HANGING_ARTICLE = re.compile(r" (?:the|an?)$")
_HALF_A_SENTENCE = re.compile(r"\b(?:and|but|or|that|which|who|its|his|her|their)$")
_JOINT = re.compile(r",| (?:of|in|at|on|for|with|by|from|to|since|as|and|or|that|which|who|when|where|while) ")
"""Where a name may end within its sentence."""
_REACH = 3
"""Maximum number of sentences between a pronoun and the name that it stands for, as in `kg.extraction.nlp`."""
_DENIAL = re.compile(r"\b(?:not|never|cannot|\w+n't)\b")
_DENIAL_REACH = 3
"""Number of words before a relation's word among which "not" denies it: "did not really leave"."""
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
class VerifiedFacts:
    """The facts that the text holds, and the names in them.

    Attributes:
        mentions: Every span of every name.
        triples: Facts in the order of the proposals, each once.
        dropped: Number of proposals that the text does not hold.
    """

    mentions: list[Mention] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)
    dropped: int = 0


def verify(
    facts: Iterable[Proposal], shown: Sequence[ShownChunk], title: str = "", relations: Iterable[str] = ()
) -> VerifiedFacts:
    """Keep the facts that the chunks hold.

    Args:
        facts: Facts that a model proposes about those chunks.
        shown: Chunks, each with the spans of the sentences that the model was shown.
        title: Title of their document; it may be an end of a fact whose sentence has a pronoun instead.
        relations: Relations that the model had to choose from, kept as they are: they need not occur in the text.
    Returns:
        Each fact with the sentence, or the two neighbours of one chunk, that state it; every span of every name in
        them; the number of facts refused. Repetitions are merged and not counted.
    """
    return _Verifier(shown, title, {fold(relation): relation for relation in relations}).run(facts)


@dataclass(frozen=True, slots=True)
class _Excerpt:
    """A span of a chunk, with the chunk's text prepared for searching.

    Attributes:
        chunk: The chunk.
        text: Folded text of the chunk.
        span: Span in the chunk's text.
    """

    chunk: Chunk
    text: FoldedText
    span: Span

    def find(self, name: str) -> Span | None:
        return self.text.find(name, self.span)

    @property
    def words(self) -> str:
        return self.chunk.text[slice(*self.span)]


class _Verifier:
    def __init__(self, shown: Sequence[ShownChunk], title: str, relations: dict[str, str]) -> None:
        self.chunks = [(chunk, FoldedText(chunk.text)) for chunk, _ in shown]
        parts = [(chunk, text, spans) for (chunk, text), (_, spans) in zip(self.chunks, shown, strict=True)]
        self.sentences = [_Excerpt(chunk, text, span) for chunk, text, spans in parts for span in spans]
        self.pairs = [
            _Excerpt(chunk, text, (one[0], other[1])) for chunk, text, spans in parts for one, other in pairwise(spans)
        ]
        self.with_pronoun = {
            sentence: self._before(index)
            for index, sentence in enumerate(self.sentences)
            if _PRONOUN.search(sentence.words)
        }
        # "Mercury (planet)" is called "Mercury" in its text.
        self.title = " ".join(title.partition(" (")[0].split())
        # Parts of a name that may stand for it: "Varga" for "Ines Varga", but not "of" or "the".
        self.title_words = {word for word in _WORD.findall(self.title) if word[0].isupper() and len(word) >= _STEM}
        self.relations = relations
        self.is_korean = korean.is_korean(" ".join(sentence.words for sentence in self.sentences))
        self.types: dict[str, str] = {}
        self.title_evidence: list[Evidence] = []

    def _before(self, index: int) -> list[_Excerpt]:
        """The sentences of the same chunk within reach before a sentence."""
        before = self.sentences[max(0, index - _REACH) : index]
        return [sentence for sentence in before if sentence.chunk is self.sentences[index].chunk]

    def run(self, facts: Iterable[Proposal]) -> VerifiedFacts:
        result = VerifiedFacts()
        triples: dict[Triple, None] = {}
        for fact in map(self._without_particles, facts) if self.is_korean else facts:
            triple = self._triple(fact)
            if triple is None:
                result.dropped += 1
            else:
                triples[triple] = None
        result.triples = list(triples)
        result.mentions = [mention for chunk, text in self.chunks for mention in self._mentions(chunk, text)]
        kind = self.types.get(fold(self.title), "other")
        result.mentions += [Mention(self.title, kind, evidence) for evidence in dict.fromkeys(self.title_evidence)]
        return result

    def _without_particles(self, fact: Proposal) -> Proposal:
        """A fact whose ends have lost the Korean particles that the model took from the text with them."""
        ends = [self._without_particle(end.strip(_EDGES)) for end in (fact.subject, fact.object)]
        return replace(fact, subject=ends[0], object=ends[1])

    def _without_particle(self, name: str) -> str:
        found = ((sentence, span) for sentence in self.sentences if (span := sentence.find(name)))
        sentence, span = next(found, (None, (0, 0)))
        if sentence is None or not name or not is_hangul(name[-1]):
            return name
        written, start = sentence.chunk.text[slice(*span)], span[0] - sentence.span[0]
        return korean.without_particles(written, sentence.words, start)

    def _triple(self, fact: Proposal) -> Triple | None:
        """The fact with the excerpt that states it, or None where no excerpt does."""
        predicate = self.relations.get(fold(fact.predicate)) or _relation(fact.predicate)
        if not predicate:
            return None
        # The strictest rule first: the three give different evidence, and the shortest is the easiest to check.
        for excerpt in self._candidates(predicate):
            subject, object_ = _name_in(fact.subject, excerpt.find), _object_in(fact.object, excerpt.find)
            if subject and object_ and subject != object_ and self._is_stated(predicate, excerpt):
                ends = _surface(subject, excerpt), _surface(object_, excerpt)
                return self._verified(fact, predicate, (subject, object_), ends, excerpt)
        return self._by_pronoun(fact, predicate) or self._by_title(fact, predicate)

    def _by_pronoun(self, fact: Proposal, predicate: str) -> Triple | None:
        """The fact from a sentence with a pronoun for a subject that stands a few sentences before."""
        for sentence, before in self.with_pronoun.items():
            object_ = _object_in(fact.object, sentence.find)
            if object_ is None or not self._is_stated(predicate, sentence):
                continue
            # The nearest sentence first, since a pronoun rarely reaches over another name.
            for earlier in reversed(before):
                subject = _name_in(fact.subject, earlier.find)
                if subject and subject != object_:
                    ends = _surface(subject, earlier), _surface(object_, sentence)
                    excerpt = _Excerpt(sentence.chunk, sentence.text, (earlier.span[0], sentence.span[1]))
                    return self._verified(fact, predicate, (subject, object_), ends, excerpt)
        return None

    def _by_title(self, fact: Proposal, predicate: str) -> Triple | None:
        """The fact from a sentence with a pronoun, or a part of the name, for the thing that the document is about."""
        title = fold(self.title)
        # Exactly one end must be the title: with two nothing else is stated, with none this rule has no say.
        subject_is_title, object_is_title = fold(fact.subject) == title, fold(fact.object) == title
        if not self.title or subject_is_title == object_is_title or not is_name(title):
            return None
        for sentence in self.sentences:
            find = sentence.find
            other = _object_in(fact.object, find) if subject_is_title else _name_in(fact.subject, find)
            if other and self._may_mean_title(sentence) and self._is_stated(predicate, sentence):
                surface = _surface(other, sentence)
                names = (title, other) if subject_is_title else (other, title)
                ends = (self.title, surface) if subject_is_title else (surface, self.title)
                self.title_evidence.append(Evidence(sentence.chunk.id, *sentence.span))
                return self._verified(fact, predicate, names, ends, sentence)
        return None

    def _may_mean_title(self, sentence: _Excerpt) -> bool:
        """Whether a sentence has a pronoun, or a part of the title, for the thing that the document is about."""
        words = sentence.words
        return bool(_PRONOUN.search(words)) or not self.title_words.isdisjoint(_WORD.findall(words))

    def _verified(
        self, fact: Proposal, predicate: str, names: tuple[str, str], ends: tuple[str, str], excerpt: _Excerpt
    ) -> Triple:
        """The fact as it is kept; the kinds of its ends are noted. Names are folded, ends as the text writes them."""
        for name, kind in zip(names, (fact.subject_kind, fact.object_kind), strict=True):
            # A kind that any of the model's facts gives replaces "other"; the first one given stays.
            if self.types.setdefault(name, _plausible(name, kind)) == "other" and kind:
                self.types[name] = _plausible(name, kind)
        evidence, dates = Evidence(excerpt.chunk.id, *excerpt.span), _validity(names, predicate, excerpt)
        return Triple(ends[0], predicate, ends[1], evidence, *dates, *claim(excerpt.words))

    def _is_stated(self, predicate: str, excerpt: _Excerpt) -> bool:
        return predicate in self.relations.values() or _states(predicate, excerpt.words)

    def _candidates(self, predicate: str) -> list[_Excerpt]:
        """Excerpts that may state a fact, best first: single sentences, those with more of the predicate's words first.

        Then pairs of neighbours, for "She follows Tom Hale", where the name behind "she" stands a sentence before.
        """
        words = predicate.split()

        def words_absent(sentence: _Excerpt) -> int:
            return sum(sentence.find(word) is None for word in words)

        return [*sorted(self.sentences, key=words_absent), *self.pairs]

    def _mentions(self, chunk: Chunk, text: FoldedText) -> list[Mention]:
        """Every span of every name; a span inside a longer name counts only where a name has no other."""
        taken: list[Span] = []
        by_name: dict[str, list[Span]] = {}
        for name in sorted(self.types, key=lambda name: (-len(name), name)):  # the longest first
            spans = list(text.find_all(name))
            free = [span for span in spans if not _is_inside(span, taken)]
            by_name[name] = free or spans[:1]
            taken += free
        return [
            Mention(
                name=visible(chunk.text[slice(*span)]),
                type=kind,
                evidence=Evidence(chunk.id, *span),
            )
            for name, kind in self.types.items()
            for span in by_name[name]
        ]


def _is_inside(span: Span, others: Iterable[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in others)


def _relation(words: str) -> str:
    """A relation in the text's words, or "" where it is none: without letters, too long, or half a sentence.

    Example:
        >>> _relation(" Was the founder of the "), _relation("met Ada, who")
        ('was the founder of', '')
    """
    relation = _HANGING_ARTICLE.sub("", " ".join(words.lower().split()).strip(_EDGES))
    fits = re.search(r"[^\W\d_]", relation) and len(relation.split()) <= MAX_PREDICATE_WORDS
    return relation if fits and not _HALF_A_SENTENCE.search(relation) else ""


def _name_in(name: str, find: Callable[[str], object]) -> str | None:
    """The folded form in which a name is found, or None."""
    folded = fold(name.strip(_EDGES))
    for form in (folded, folded.removesuffix("'s"), bare(folded)):
        if is_name(form) and find(form):
            return form
    return None


def _object_in(name: str, find: Callable[[str], object]) -> str | None:
    """As `_name_in`; of a name that is not found, the longest part before a joint that is.

    Example:
        >>> _object_in("mountain since long ago", lambda name: name == "mountain")
        'mountain'
    """
    joints = [match.start() for match in _JOINT.finditer(name)]
    parts = (name[:end] for end in (len(name), *reversed(joints)))
    return next((form for part in parts if (form := _name_in(part, find))), None)


def _states(predicate: str, words: str) -> bool:
    """Whether a text holds a word of the relation, or one that begins like it, and does not deny it.

    A relation of short words alone ("is in") cannot be checked and passes. Of a relation in a script without spaces one
    character must be in the text; kana may be endings and are not counted.

    Example:
        >>> _states("worked for", "Ada never worked for Tom."), _states("never worked for", "Ada never worked for Tom.")
        (False, True)
    """
    relation, text = fold(predicate), fold(words)
    letters = [character for character in relation if character.isalpha()]
    if not any(is_spaced(character) or is_hangul(character) for character in letters):
        signs = {character for character in letters if not _is_kana(character)}
        # An ideograph is a word or its stem. Of an alphabet (Thai, Khmer) two neighbouring letters must be shared.
        is_alphabet = any(character < "\u3041" for character in signs)
        shared_signs = set(words_of(relation)) & set(words_of(text)) if is_alphabet else signs & set(text)
        return not signs or bool(shared_signs)
    relation_words = _WORD.findall(relation)
    stems = {stem for word in relation_words if (stem := _stem(word))}
    if not stems:
        return True
    content_words = {word for word in relation_words if word not in _FUNCTION_WORDS}
    text_words = _WORD.findall(text)
    shared = [index for index, word in enumerate(text_words) if word in content_words or _stem(word) in stems]
    return any(_DENIAL.search(relation) or not _is_denied(text_words, index) for index in shared)


def _stem(word: str) -> str:
    """The beginning that two forms of a word share, or "" of a word too short to tell."""
    length = _SYLLABLES if is_hangul(word[0]) else _STEM
    return word[:length] if len(word) >= length else ""


def _is_kana(character: str) -> bool:
    return "\u3041" <= character <= "\u30ff"


def _is_denied(words: Sequence[str], index: int) -> bool:
    """Whether "not" or "never" stands just before a word; "not only" denies nothing."""
    before = words[max(0, index - _DENIAL_REACH) : index]
    return any(_DENIAL.fullmatch(word) for word in before) and "only" not in before


def _validity(names: tuple[str, str], predicate: str, excerpt: _Excerpt) -> tuple[str, str]:
    """First and last date of a fact, by the text behind the last of its names in the excerpt."""
    # A name from the title is not in the excerpt, so there may be one span only.
    spans = [span for name in names if (span := excerpt.find(name))]
    end = max(span[1] for span in spans)
    return validity(predicate, names[1], excerpt.chunk.text[end : excerpt.span[1]])


def _surface(name: str, excerpt: _Excerpt) -> str:
    """A name as the text writes it, on one line."""
    span = excerpt.find(name)
    assert span is not None, "only names that were found have a surface"
    return visible(excerpt.chunk.text[slice(*span)])


def is_name(name: str) -> bool:
    """Whether a folded text can name a thing: letters or digits, not a pronoun, not "his boat".

    Example:
        >>> [is_name(name) for name in ("ada lorne", "she", "its owner", "&")]
        [True, False, False, False]
    """
    # Longer "names" are clauses that a model copied whole.
    words = name.split()
    if not words or len(words) > MAX_NAME_WORDS or not any(character.isalnum() for character in name):
        return False
    return not (name in _PRONOUNS or (len(words) > 1 and words[0] in _POINTERS))


def _plausible(name: str, kind: str) -> str:
    """The kind that the model gave; but "60 people" is an amount and no person, and "thing" is no kind.

    Where the model gave none, "other" leaves the decision to the recogniser.
    """
    if kind == "":
        return "other"
    if kind == THING:
        return guess_type(name)
    return "value" if kind == "person" and guess_type(name) == "value" else kind


def guess_type(name: str) -> str:
    """Kind of a folded name by its characters alone: "value" for numbers and months, else "other".

    Example:
        >>> guess_type("12 february 2032"), guess_type("the ice house")
        ('value', 'other')
    """
    return "value" if any(character.isdigit() for character in name) or name in _MONTHS else "other"
