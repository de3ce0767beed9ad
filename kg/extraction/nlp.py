"""Names and facts by parsing: noun phrases, named entities, dependency triples; no language model.

spaCy's small English pipeline, pinned like all weights, parses; `kg.extraction.clauses` finds what a sentence states. A
pronoun that is a subject stands for the nearest subject before it that fits, at most a few sentences back; the evidence
then runs from the sentence with the name to the one with the fact. A statement whose ends are no names is dropped and
counted.

French is read by spaCy's small French pipeline (`kg.extraction.universal`), without pronouns. Of Korean the names are
found, without particles and without facts (`kg.language.korean`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from kg.extraction import universal
from kg.extraction.claims import claim
from kg.extraction.clauses import Range, Statement, is_pronoun, phrase, statements
from kg.extraction.links import links
from kg.extraction.parsed_languages import FRENCH, KOREAN, foreign_words, is_latin, parsed_language, unread
from kg.extraction.protocol import ExtractionInput, ExtractionOutcome, by_chunk
from kg.extraction.validity import validity
from kg.extraction.verify import MAX_PREDICATE_WORDS, guess_type, is_name
from kg.language import korean
from kg.language.sentences import SentenceSplitter
from kg.language.spacy_pipeline import FRENCH_PIPELINE, OTHER, TYPES, VALUE, Pipeline
from kg.language.spans import Span
from kg.language.words import visible
from kg.schema import Chunk, Evidence, Mention, Triple
from models.files.digest import digest

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_RULES = 6
"""Version of the rules here and in all that is called from here; raise it, and stored outcomes are made again."""
_REACH = 3
"""Maximum number of sentences between a pronoun and the name that it stands for."""
_FEW_WORDS, _FEW_BUT_NAMES, _MIN_STOP_WORDS = 15, 5, 0.1
"""Number of words, and of words other than names, below which a text counts as English; minimum share of stop words.

Of English prose a third and more are stop words (of Re-DocRED: .36), of German, French, Spanish at most .06."""
_PRONOUNS = {"his": "he", "her": "she", "its": "it", "their": "they"} | {
    pronoun: pronoun for pronoun in ("he", "she", "it", "they", "this", "these", "those")
}
"""Pronouns that may stand for a name, with their subject form."""
_TAKES_PART = ("nsubj", "nsubjpass", "dobj", "dative", "conj")
_SUBJECT_OR_OWNER = ("nsubj", "nsubjpass", "poss")


class NlpExtractor:
    """Extracts with spaCy; safe to call from several threads.

    Args:
        sentences: Splits chunks into sentences.
        pipeline: Parses sentences.
    """

    def __init__(self, sentences: SentenceSplitter, pipeline: Pipeline | None = None) -> None:
        self.sentences = sentences
        self._pipeline = pipeline or Pipeline()
        self._french = Pipeline(FRENCH_PIPELINE)

    def key(self, item: ExtractionInput) -> str:
        """See `kg.extraction.protocol.Extractor`."""
        chunks = [[chunk.id, chunk.text] for chunk in item.chunks]
        language = parsed_language(_text(item))
        # What is read as English keeps the key that it had before other languages were read.
        reader = {FRENCH: [self._french.digest], KOREAN: [korean.version()]}.get(language)
        if reader is None:
            reader = ["names"] if foreign_words(_text(item)) else []
        return digest(_RULES, self._pipeline.digest, self.sentences.name, item.title, chunks, *reader)

    def __call__(self, item: ExtractionInput) -> ExtractionOutcome:
        """Extract names and facts from one input; it costs nothing.

        Raises:
            InputError: The text is in a language that is not read.
        """
        language = parsed_language(_text(item))
        if language == KOREAN:
            return ExtractionOutcome(by_chunk(item, _korean_names(item.chunks), (), 0))
        if language == FRENCH:
            return self._read_french(item)
        parsed = [sentence for chunk in item.chunks for sentence in self._sentences(chunk, self._pipeline)]
        docs = [sentence.doc for sentence in parsed]
        if not is_latin(_text(item)) or not (_is_short(docs) or _is_english(docs)):
            raise unread(_text(item))
        collector = _FactCollector(self._person(item.title))
        # The language of a short text is a guess, so that nothing is refused, but nothing foreign is stated either.
        foreign = foreign_words(_text(item)) if _is_short(docs) else frozenset[str]()
        for sentence in parsed:
            if foreign:
                collector.add_names(sentence, foreign)
            else:
                collector.add(sentence)
        return ExtractionOutcome(by_chunk(item, collector.mentions, collector.triples, collector.dropped))

    def _read_french(self, item: ExtractionInput) -> ExtractionOutcome:
        collector = _FactCollector()
        for chunk in item.chunks:
            for sentence in self._sentences(chunk, self._french):
                collector.add_french(sentence)
        return ExtractionOutcome(by_chunk(item, collector.mentions, collector.triples, collector.dropped))

    def _sentences(self, chunk: Chunk, pipeline: Pipeline) -> list[_ParsedSentence]:
        spans = self.sentences.split(chunk.text)
        docs = pipeline.parse(chunk.text[slice(*span)] for span in spans)
        return [_ParsedSentence(chunk, span, doc) for span, doc in zip(spans, docs, strict=True)]

    def _person(self, title: str) -> str:
        """The name in a title that is a person's name and no more, else ""."""
        name = " ".join(title.partition(" (")[0].split())
        (doc,) = self._pipeline.parse([name])
        is_person = len(doc.ents) == 1 and doc.ents[0].label_ == "PERSON" and doc.ents[0].text == name
        return name if is_person and is_name(name.casefold()) else ""


def _text(item: ExtractionInput) -> str:
    return "\n".join(chunk.text for chunk in item.chunks)


def _korean_names(chunks: Iterable[Chunk]) -> Iterator[Mention]:
    for chunk in chunks:
        for start, end in korean.names(chunk.text):
            yield Mention(visible(chunk.text[start:end]), OTHER, Evidence(chunk.id, start, end))


def _is_short(docs: Sequence[Doc]) -> bool:
    """Whether a text has too few words, or too few beside names, for its stop words to tell the language."""
    words = [token for doc in docs for token in doc if token.is_alpha]
    return len(words) < _FEW_WORDS or len([token for token in words if token.pos_ != "PROPN"]) < _FEW_BUT_NAMES


def _is_english(docs: Sequence[Doc]) -> bool:
    """Whether enough words are English stop words."""
    words = [token for doc in docs for token in doc if token.is_alpha]
    return len([token for token in words if token.is_stop]) >= _MIN_STOP_WORDS * len(words)


def _outermost(ranges: Iterable[Range]) -> list[Range]:
    """The ranges that lie in no other one, each once, sorted."""
    outermost: list[Range] = []
    # By start, the longest first: whatever holds a range comes before it and ends no earlier.
    for first, last in sorted(set(ranges), key=lambda range_: (range_[0], -range_[1])):
        if not outermost or last > outermost[-1][1]:
            outermost.append((first, last))
    return outermost


@dataclass(frozen=True, slots=True)
class _ParsedSentence:
    """A sentence of a chunk with its parse.

    Attributes:
        chunk: The chunk.
        span: Span of the sentence in the chunk's text.
        doc: Parse of the sentence alone.
    """

    chunk: Chunk
    span: Span
    doc: Doc

    def span_of(self, tokens: Range) -> Span:
        """Span of some tokens in the chunk's text."""
        first, last = self.doc[tokens[0]], self.doc[tokens[1] - 1]
        return self.span[0] + first.idx, self.span[0] + last.idx + len(last.text)


@dataclass(frozen=True, slots=True)
class _NounPhrase:
    """A noun phrase in its sentence.

    Attributes:
        text: The phrase, on one line.
        type: Kind of the thing.
        evidence: Span of the phrase.
        sentence: The sentence.
        number: Number of the sentence in its input, from 1.
        is_plural: Whether it names several things.
        is_proper: Whether its head is a proper noun.
    """

    text: str
    type: str
    evidence: Evidence
    sentence: _ParsedSentence
    number: int
    is_plural: bool
    is_proper: bool


@dataclass(slots=True)
class _FactCollector:
    """Collects the names and facts of an input's sentences in order; remembers subjects, for pronouns that follow.

    Attributes:
        title: The person that the document is about, or "".
        mentions: Names so far.
        triples: Facts so far.
        dropped: Number of statements so far whose ends are no names.
    """

    title: str = ""
    mentions: list[Mention] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)
    dropped: int = 0
    _subjects: list[_NounPhrase] = field(default_factory=list)
    _number: int = 0
    _people: list[_NounPhrase] = field(default_factory=list)
    _called: dict[str, str] = field(default_factory=dict)
    """The pronoun, "he" or "she", that has stood for a person before."""

    def add(self, sentence: _ParsedSentence) -> None:
        """Collect the names and facts of the next sentence."""
        self._number += 1
        names = self._names(sentence)
        stated = statements(sentence.doc)
        for statement in stated:
            self._state(sentence, statement)
        # Clauses come first, since their words are the better relation; links fill the pairs that are left.
        joined = {frozenset((statement.subject, statement.object)) for statement in stated}
        for link in links(sentence.doc, names, joined):
            self._state(sentence, link)

    def add_names(self, sentence: _ParsedSentence, small_words: Collection[str]) -> None:
        """Collect the names of the next sentence, its runs of capitalised words but small ones, and no facts."""
        self._number += 1
        for is_name_word, run in groupby(sentence.doc, lambda token: _is_capitalised(token, small_words)):
            tokens = list(run)
            name = self._name(sentence, (tokens[0].i, tokens[-1].i + 1), tokens[-1]) if is_name_word else None
            if name is not None:
                self._mention(name)

    def add_french(self, sentence: _ParsedSentence) -> None:
        """Collect the names and facts of the next sentence, which is in French."""
        self._number += 1
        for tokens in universal.names(sentence.doc):
            name = self._name(sentence, tokens, sentence.doc[tokens[1] - 1])
            if name is not None:
                self._mention(name)
        for statement in universal.statements(sentence.doc):
            self._state(sentence, statement)

    def _names(self, sentence: _ParsedSentence) -> list[Range]:
        """The names that the recogniser sees, and the pronouns that stand for one, in order."""
        ranges: list[Range] = []
        for entity in sentence.doc.ents:
            # Dates and amounts become names only as ends of a statement, or every number would be a thing.
            if TYPES.get(entity.label_, VALUE) != VALUE:
                name = self._name(sentence, phrase(entity.root), entity.root)
                if name is not None:
                    self._mention(name)
                    ranges.append(phrase(entity.root))
                    if name.type == "person" and entity.root.dep_ in _TAKES_PART:
                        self._people.append(name)
        ranges += [(t.i, t.i + 1) for t in sentence.doc if t.lower_ in _PRONOUNS and t.dep_ in _SUBJECT_OR_OWNER]
        return _outermost(ranges)

    def _state(self, sentence: _ParsedSentence, statement: Statement) -> None:
        subject = self._subject(sentence, statement.subject)
        object_ = self._name(sentence, statement.object, sentence.doc[statement.object[1] - 1])
        relation = " ".join(statement.relation.split())
        if subject is None or object_ is None or len(relation.split()) > MAX_PREDICATE_WORDS:
            self.dropped += 1
            return
        if subject.text.casefold() == object_.text.casefold():
            return
        chunk, (first, last) = sentence.chunk, sentence.span
        # Dates are taken from the rest of the sentence behind the object: "head of the mill since 2019".
        start, end = validity(relation, object_.text, chunk.text[object_.evidence.end : last])
        kind, status = claim(chunk.text[first:last])
        # Of a pronoun's fact the evidence begins with the sentence that has the name.
        evidence = Evidence(chunk.id, min(first, subject.sentence.span[0]), last)
        self.triples.append(Triple(subject.text, relation, object_.text, evidence, start, end, kind, status))
        self._mention(subject)
        self._mention(object_)

    def _subject(self, sentence: _ParsedSentence, tokens: Range) -> _NounPhrase | None:
        head = sentence.doc[tokens[1] - 1]
        if is_pronoun(head):
            return self._antecedent(sentence, _PRONOUNS.get(head.lower_, ""), sentence.span_of(tokens))
        name = self._name(sentence, tokens, head)
        if name is not None:
            self._subjects.append(name)
        return name

    def _antecedent(self, sentence: _ParsedSentence, pronoun: str, span: Span) -> _NounPhrase | None:
        """The subject that a pronoun may stand for: of the nearest sentence that has one, the first; else the title.

        None where "he" or "she" may as well be somebody else, who is named in between.
        """
        near = [
            name
            for name in self._subjects
            if name.sentence.chunk is sentence.chunk
            and name.number >= self._number - _REACH
            and name.evidence.end <= span[0]
            and _fits(pronoun, name)
            and (pronoun not in ("he", "she") or self._may_be(name.text, pronoun))
        ]
        # The latest sentence wins; in it the first subject, which is what a following sentence usually continues.
        nearest = min(near, key=lambda name: (-name.number, name.evidence), default=None)
        if pronoun not in ("he", "she"):
            return nearest
        if nearest is None and self._may_be(self.title, pronoun):
            # The title is in no chunk, so the sentence with the pronoun is its evidence.
            evidence = Evidence(sentence.chunk.id, *sentence.span)
            nearest = _NounPhrase(
                self.title, "person", evidence, sentence, self._number, is_plural=False, is_proper=True
            )
        elif nearest is None or self._has_rival(nearest, pronoun, span):
            return None
        self._called[nearest.text] = pronoun
        return nearest

    def _may_be(self, person: str, pronoun: str) -> bool:
        """Whether "he" or "she" may stand for a person, by the pronoun that has stood for the person before."""
        return bool(person) and self._called.get(person, pronoun) == pronoun

    def _has_rival(self, name: _NounPhrase, pronoun: str, span: Span) -> bool:
        """Whether another person whom the pronoun may stand for takes part between a name and the pronoun's span."""
        between = (
            person.text
            for person in self._people
            if person.evidence.chunk_id == name.evidence.chunk_id
            and name.evidence.end <= person.evidence.start
            and person.evidence.end <= span[0]
        )
        # "Varga" is no rival of "Ines Varga".
        return any(other not in name.text and self._may_be(other, pronoun) for other in between)

    def _name(self, sentence: _ParsedSentence, tokens: Range, head: Token) -> _NounPhrase | None:
        start, end = sentence.span_of(tokens)
        text = visible(sentence.chunk.text[start:end])
        if is_pronoun(head) or not is_name(text.casefold()):
            return None
        type_ = TYPES.get(head.ent_type_) or guess_type(text.casefold())
        # "Tom and Ada" is several, though each is one.
        is_plural = head.tag_ in ("NNS", "NNPS") or any(child.dep_ == "conj" for child in head.children)
        evidence, is_proper = Evidence(sentence.chunk.id, start, end), head.pos_ == "PROPN"
        return _NounPhrase(text, type_, evidence, sentence, self._number, is_plural, is_proper)

    def _mention(self, name: _NounPhrase) -> None:
        self.mentions.append(Mention(name.text, name.type, name.evidence))


def _is_capitalised(token: Token, small_words: Collection[str]) -> bool:
    return token.is_alpha and token.text[0].isupper() and token.lower_ not in small_words


def _fits(pronoun: str, name: _NounPhrase) -> bool:
    """Whether a pronoun may stand for a name, by number and kind."""
    if pronoun in ("he", "she"):  # the recogniser takes many people for something else
        return name.is_proper and not name.is_plural and name.type not in ("place", "value")
    if pronoun in ("they", "these", "those"):
        return name.is_plural
    return pronoun in ("it", "this") and not name.is_plural and name.type not in ("person", "value")
