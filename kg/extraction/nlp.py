"""Names and facts from a passage by parsing: noun phrases, named entities, dependency triples; no language model.

spaCy's small English pipeline, pinned like all weights, does it; `kg.extraction.clauses` says what a sentence states. A
pronoun that is a subject stands for the nearest subject before it that fits, at most a few sentences back; the evidence
then runs from the sentence with the name to the one with the fact. What cannot be tied to a name is dropped and
counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kg.extraction.claims import claim
from kg.extraction.clauses import Range, Statement, is_pronoun, phrase, statements
from kg.extraction.links import links
from kg.extraction.protocol import Passage, Reading, by_chunk
from kg.extraction.validity import validity
from kg.extraction.verify import MAX_PREDICATE_WORDS, guess_type, is_name
from kg.language.sentences import SentenceSplitter
from kg.language.spacy_pipeline import TYPES, VALUE, Pipeline
from kg.language.spans import Span
from kg.schema import Chunk, Evidence, Mention, Triple
from models.errors import InputError
from models.files.digest import digest

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_RULES = 6
"""Changes with the rules here and in all that is called from here, so that passages are read anew."""
_REACH = 3
_FEW_WORDS, _FEW_BUT_NAMES, _LEAST_STOP_WORDS = 15, 5, 0.1
"""Of English prose a third and more are stop words (of Re-DocRED: .36), of German, French, Spanish at most .06."""
_STANDS_FOR = {"his": "he", "her": "she", "its": "it", "their": "they"} | {
    each: each for each in ("he", "she", "it", "they", "this", "these", "those")
}
"""Pronouns that may stand for a name, as subjects."""
_TAKES_PART = ("nsubj", "nsubjpass", "dobj", "dative", "conj")
_SUBJECT_OR_OWNER = ("nsubj", "nsubjpass", "poss")


class NlpExtractor:
    """Reads passages with spaCy.

    Args:
        sentences: Splits passages.
        pipeline: Parses them.
    """

    def __init__(self, sentences: SentenceSplitter, pipeline: Pipeline | None = None) -> None:
        self.sentences = sentences
        self._pipeline = pipeline or Pipeline()

    def key(self, passage: Passage) -> str:
        """See `kg.extraction.protocol.Extractor`."""
        chunks = [[chunk.id, chunk.text] for chunk in passage.chunks]
        return digest(_RULES, self._pipeline.digest, self.sentences.name, passage.title, chunks)

    def __call__(self, passage: Passage) -> Reading:
        """Read one passage; it costs nothing.

        Raises:
            InputError: It is not in English.
        """
        parsed = [sentence for chunk in passage.chunks for sentence in self._sentences(chunk)]
        if not _is_english(sentence.doc for sentence in parsed):
            raise InputError(
                "the parser reads English, and this passage is in another language: name a chat model as the extractor"
            )
        reader = _Reader(self._person(passage.title))
        for sentence in parsed:
            reader.read(sentence)
        return Reading(by_chunk(passage, reader.mentions, reader.triples, reader.dropped))

    def _sentences(self, chunk: Chunk) -> list[_Sentence]:
        spans = self.sentences.split(chunk.text)
        docs = self._pipeline.parse(chunk.text[slice(*span)] for span in spans)
        return [_Sentence(chunk, span, doc) for span, doc in zip(spans, docs, strict=True)]

    def _person(self, title: str) -> str:
        """The name in a title that is a person's name and no more, else ""."""
        name = " ".join(title.partition(" (")[0].split())
        (doc,) = self._pipeline.parse([name])
        is_person = len(doc.ents) == 1 and doc.ents[0].label_ == "PERSON" and doc.ents[0].text == name
        return name if is_person and is_name(name.casefold()) else ""


def _is_english(docs: Iterable[Doc]) -> bool:
    """Whether the script is Latin, and enough words are such as English sentences are full of; a few need none."""
    tokens = [token for doc in docs for token in doc]
    letters = [character for token in tokens for character in token.text if character.isalpha()]
    latin = sum(character < "\u0250" or "\u1e00" <= character < "\u1f00" for character in letters)
    words = [token for token in tokens if token.is_alpha]
    if 2 * latin < len(letters):
        return False
    few = len(words) < _FEW_WORDS or len([token for token in words if token.pos_ != "PROPN"]) < _FEW_BUT_NAMES
    stop_words = len([token for token in words if token.is_stop])
    return few or stop_words >= max(1, _LEAST_STOP_WORDS * len(words))


def _holds(longer: Range, one: Range) -> bool:
    return longer != one and longer[0] <= one[0] and one[1] <= longer[1]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of a chunk with its parse."""

    chunk: Chunk
    span: Span
    doc: Doc

    def place(self, tokens: Range) -> Span:
        """Characters of the chunk that some tokens stand for."""
        first, last = self.doc[tokens[0]], self.doc[tokens[1] - 1]
        return self.span[0] + first.idx, self.span[0] + last.idx + len(last.text)


@dataclass(frozen=True, slots=True)
class _Name:
    """A noun phrase where it stands; `number` counts the sentences of its passage."""

    text: str
    type: str
    evidence: Evidence
    sentence: _Sentence
    number: int
    is_plural: bool
    is_proper: bool


@dataclass(slots=True)
class _Reader:
    """Reads the sentences of a passage in order and remembers what they were about.

    Attributes:
        title: The person that the document is about, or "".
    """

    title: str = ""
    mentions: list[Mention] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)
    dropped: int = 0
    _subjects: list[_Name] = field(default_factory=list)
    _number: int = 0
    _people: list[_Name] = field(default_factory=list)
    _called: dict[str, str] = field(default_factory=dict)
    """Whether a person was "he" or "she" before."""

    def read(self, sentence: _Sentence) -> None:
        self._number += 1
        names = self._names(sentence)
        stated = statements(sentence.doc)
        for statement in stated:
            self._state(sentence, statement)
        joined = {frozenset((statement.subject, statement.object)) for statement in stated}
        for link in links(sentence.doc, names, joined):
            self._state(sentence, link)

    def _names(self, sentence: _Sentence) -> list[Range]:
        """The names that the recogniser sees, and the pronouns that stand for one."""
        found: list[Range] = []
        for entity in sentence.doc.ents:
            if TYPES.get(entity.label_, VALUE) != VALUE:
                name = self._name(sentence, phrase(entity.root), entity.root)
                if name is not None:
                    self._mention(name)
                    found.append(phrase(entity.root))
                    if name.type == "person" and entity.root.dep_ in _TAKES_PART:
                        self._people.append(name)
        found += [(t.i, t.i + 1) for t in sentence.doc if t.lower_ in _STANDS_FOR and t.dep_ in _SUBJECT_OR_OWNER]
        return sorted(each for each in set(found) if not any(_holds(other, each) for other in found))

    def _state(self, sentence: _Sentence, statement: Statement) -> None:
        subject = self._subject(sentence, statement.subject)
        object_ = self._name(sentence, statement.object, sentence.doc[statement.object[1] - 1])
        relation = " ".join(statement.relation.split())
        if subject is None or object_ is None or len(relation.split()) > MAX_PREDICATE_WORDS:
            self.dropped += 1
            return
        if subject.text.casefold() == object_.text.casefold():
            return
        chunk, (first, last) = sentence.chunk, sentence.span
        start, end = validity(relation, object_.text, chunk.text[object_.evidence.end : last])
        kind, status = claim(chunk.text[first:last])
        place = Evidence(chunk.id, min(first, subject.sentence.span[0]), last)
        self.triples.append(Triple(subject.text, relation, object_.text, place, start, end, kind, status))
        self._mention(subject)
        self._mention(object_)

    def _subject(self, sentence: _Sentence, tokens: Range) -> _Name | None:
        head = sentence.doc[tokens[1] - 1]
        if is_pronoun(head):
            return self._antecedent(sentence, _STANDS_FOR.get(head.lower_, ""), sentence.place(tokens))
        name = self._name(sentence, tokens, head)
        if name is not None:
            self._subjects.append(name)
        return name

    def _antecedent(self, sentence: _Sentence, pronoun: str, place: Span) -> _Name | None:
        """The subject that a pronoun may stand for: of the nearest sentence that has one, the first; else the title.

        None where "he" or "she" may as well be somebody else, who is named in between.
        """
        near = [
            name
            for name in self._subjects
            if name.sentence.chunk is sentence.chunk
            and name.number >= self._number - _REACH
            and name.evidence.end <= place[0]
            and _fits(pronoun, name)
            and (pronoun not in ("he", "she") or self._may_be(name.text, pronoun))
        ]
        nearest = min(near, key=lambda name: (-name.number, name.evidence), default=None)
        if pronoun not in ("he", "she"):
            return nearest
        if nearest is None and self._may_be(self.title, pronoun):
            evidence = Evidence(sentence.chunk.id, *sentence.span)
            nearest = _Name(self.title, "person", evidence, sentence, self._number, is_plural=False, is_proper=True)
        elif nearest is None or self._has_rival(nearest, pronoun, place):
            return None
        self._called[nearest.text] = pronoun
        return nearest

    def _may_be(self, person: str, pronoun: str) -> bool:
        return bool(person) and self._called.get(person, pronoun) == pronoun

    def _has_rival(self, name: _Name, pronoun: str, place: Span) -> bool:
        """Whether another person takes part in what is told between a name and the pronoun at a place."""
        between = (
            each.text
            for each in self._people
            if each.evidence.chunk_id == name.evidence.chunk_id
            and name.evidence.end <= each.evidence.start
            and each.evidence.end <= place[0]
        )
        return any(other not in name.text and self._may_be(other, pronoun) for other in between)

    def _name(self, sentence: _Sentence, tokens: Range, head: Token) -> _Name | None:
        start, end = sentence.place(tokens)
        text = " ".join(sentence.chunk.text[start:end].split())
        if is_pronoun(head) or not is_name(text.casefold()):
            return None
        type_ = TYPES.get(head.ent_type_) or guess_type(text.casefold())
        is_plural = head.tag_ in ("NNS", "NNPS") or any(child.dep_ == "conj" for child in head.children)
        place, is_proper = Evidence(sentence.chunk.id, start, end), head.pos_ == "PROPN"
        return _Name(text, type_, place, sentence, self._number, is_plural, is_proper)

    def _mention(self, name: _Name) -> None:
        self.mentions.append(Mention(name.text, name.type, name.evidence))


def _fits(pronoun: str, name: _Name) -> bool:
    if pronoun in ("he", "she"):  # the recogniser takes many people for something else
        return name.is_proper and not name.is_plural and name.type not in ("place", "value")
    if pronoun in ("they", "these", "those"):
        return name.is_plural
    return pronoun in ("it", "this") and not name.is_plural and name.type not in ("person", "value")
