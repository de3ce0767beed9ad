"""Names and facts from a passage by parsing: noun phrases, named entities, dependency triples; no language model.

spaCy's small English pipeline, pinned like all weights, does it; `kg.clauses` says what a sentence states. A pronoun
that is a subject stands for the nearest subject before it that fits, at most a few sentences back; the evidence then
runs from the sentence with the name to the one with the fact. What cannot be tied to a name is dropped and counted.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kg.claims import claim
from kg.clauses import Range, Statement, is_pronoun, phrase, statements
from kg.reading import Passage, Reading, by_chunk
from kg.schema import Chunk, Evidence, Mention, Triple
from kg.sentences import SentenceSplitter
from kg.spans import Span
from kg.validity import validity
from kg.verify import MAX_PREDICATE_WORDS, guess_type, is_name
from models.digest import digest
from models.weights import resolve

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Token

PIPELINE = "en_core_web_sm"
_RULES = 3
"""Changes with the rules here and in `kg.clauses`, so that passages are read anew."""
_REACH = 3
_TYPES = {
    "PERSON": "person",
    **dict.fromkeys(("ORG", "NORP"), "organisation"),
    **dict.fromkeys(("GPE", "LOC", "FAC"), "place"),
    "PRODUCT": "product",
    "WORK_OF_ART": "work",
    "EVENT": "event",
    **dict.fromkeys(("DATE", "TIME", "PERCENT", "MONEY", "QUANTITY", "ORDINAL", "CARDINAL"), "value"),
}
_UNREADABLE = str.maketrans(dict.fromkeys("\n\t\r`*_#|", " "))
"""Marks of layout that a parser takes for words; replaced one for one, so that places stay."""


class NlpExtractor:
    """Reads passages with spaCy.

    Raises:
        ModelError: The pipeline is not here and cannot be fetched.
    """

    def __init__(self, sentences: SentenceSplitter) -> None:
        weights = resolve(PIPELINE)
        self.sentences = sentences
        self._folder, self._digest = weights.folder, weights.digest
        self._nlp: Language | None = None
        self._lock = threading.Lock()  # a pipeline keeps a table of words that threads would share

    def key(self, passage: Passage) -> str:
        """See `kg.reading.Extractor`."""
        return digest(_RULES, self._digest, self.sentences.name, [[chunk.id, chunk.text] for chunk in passage.chunks])

    def __call__(self, passage: Passage) -> Reading:
        """Read one passage; it costs nothing."""
        reader = _Reader()
        for chunk in passage.chunks:
            spans = self.sentences.split(chunk.text)
            for span, doc in zip(spans, self._parse(chunk, spans), strict=True):
                reader.read(_Sentence(chunk, span, doc))
        return Reading(by_chunk(passage, reader.mentions, reader.triples, reader.dropped))

    def _parse(self, chunk: Chunk, spans: Sequence[Span]) -> list[Doc]:
        with self._lock:
            if self._nlp is None:
                import spacy

                self._nlp = spacy.load(self._folder)
            return list(self._nlp.pipe(chunk.text[slice(*span)].translate(_UNREADABLE) for span in spans))


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
    """Reads the sentences of a passage in order and remembers what they were about."""

    mentions: list[Mention] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)
    dropped: int = 0
    _subjects: list[_Name] = field(default_factory=list)
    _number: int = 0

    def read(self, sentence: _Sentence) -> None:
        self._number += 1
        for entity in sentence.doc.ents:
            if _TYPES.get(entity.label_, "value") != "value":
                name = self._name(sentence, phrase(entity.root), entity.root)
                if name is not None:
                    self._mention(name)
        for statement in statements(sentence.doc):
            self._state(sentence, statement)

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
            return self._antecedent(sentence, head.lower_, sentence.place(tokens)[0])
        name = self._name(sentence, tokens, head)
        if name is not None:
            self._subjects.append(name)
        return name

    def _antecedent(self, sentence: _Sentence, pronoun: str, before: int) -> _Name | None:
        """The subject that a pronoun may stand for: of the nearest sentence that has one, the first."""
        near = [
            name
            for name in self._subjects
            if name.sentence.chunk is sentence.chunk
            and name.number >= self._number - _REACH
            and name.evidence.end <= before
            and _fits(pronoun, name)
        ]
        return min(near, key=lambda name: (-name.number, name.evidence), default=None)

    def _name(self, sentence: _Sentence, tokens: Range, head: Token) -> _Name | None:
        start, end = sentence.place(tokens)
        text = " ".join(sentence.chunk.text[start:end].split())
        if is_pronoun(head) or not is_name(text.casefold()):
            return None
        type_ = _TYPES.get(head.ent_type_) or guess_type(text.casefold())
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
