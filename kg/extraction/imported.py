"""Facts that others have extracted, tied to the chunks of the corpus that hold them.

Three kinds of file, recognised by their content:

- JSON lines: `{"subject": …, "predicate": …, "object": …}`, with `source` (the document they come from) or `passage` (a
  text that holds the chunk) where that is known, and `valid_from`, `valid_to`;
- TSV: subject, predicate, object, and a source if there is a fourth column;
- an OpenIE cache as HippoRAG publishes it: `{"docs": [{"passage": …, "extracted_triples": [[s, p, o], …]}]}`.

A fact without source or passage is looked for in every document. Both ends must be in one chunk, or one of them in
the title; the evidence is the fewest neighbouring sentences that hold the ends in the chunk. Every fact of the file
ends in one way, which `ImportExtractor.account` tells: it is found in a passage; it fails, because its line is no fact;
or it is skipped, because no passage states it, its source is not there, it is about itself, or an earlier line says the
same.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kg.extraction.claims import claim
from kg.extraction.protocol import ExtractionInput, ExtractionOutcome, FactAccount, by_chunk
from kg.extraction.verify import guess_type
from kg.language.dates import normalise_date
from kg.language.sentences import SentenceSplitter
from kg.language.spans import FoldedText, Span, fold
from kg.language.text import normalise_name
from kg.language.words import is_spaced, visible
from kg.schema import Chunk, Evidence, Extraction, Fact, Mention, Triple
from kg.summary import FailedItem, ItemCounts, ItemNote
from models.errors import ConfigError, describe_problems
from models.files.digest import digest

_RULES = 2
_STAGE = "facts"
_COLUMNS = ("subject", "predicate", "object", "source")
_SHOWN = 80
_SHINGLE = 6
_WORD = re.compile(r"\w+")
_FORM = (
    'Expected JSON lines with "subject", "predicate" and "object", TSV of three or four columns, or an OpenIE cache '
    'with "docs".'
)


class _FactLine(BaseModel):
    """One fact of a file of JSON lines; other keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    subject: str = Field(min_length=1)
    predicate: str = Field(min_length=1)
    object: str = Field(min_length=1)
    source: str = ""
    passage: str = ""
    valid_from: str = ""
    valid_to: str = ""


@dataclass(frozen=True, slots=True)
class ImportedFact:
    """A fact as the file gives it.

    Attributes:
        subject: Name of the subject.
        predicate: Relation in words.
        object: Name of the object.
        source: Source of its document, or "".
        passage: Index of the passage that it belongs to, None where the file names none.
        valid_from: First date on which it holds, ISO, or "".
        valid_to: Last date on which it holds, ISO, or "".
    """

    subject: str
    predicate: str
    object: str
    source: str = ""
    passage: int | None = None
    valid_from: str = ""
    valid_to: str = ""


class ImportExtractor:
    """Finds the facts of a file in the chunks that hold them.

    Args:
        path: The file.
        sentences: Splits chunks into sentences.
    Raises:
        ConfigError: The file cannot be read, or is in no known form.
    """

    def __init__(self, path: Path, sentences: SentenceSplitter) -> None:
        self._file = read_fact_file(path)
        facts, passages = self._file.facts, self._file.passages
        self._sentences = sentences
        self._digest = digest([list(astuple(fact)) for fact in facts], passages)
        self._of_source: dict[str, list[ImportedFact]] = defaultdict(list)
        self._of_passage: dict[int, list[ImportedFact]] = defaultdict(list)
        self._anywhere: dict[str, list[ImportedFact]] = defaultdict(list)  # by the opening of the subject
        for fact in facts:
            if fact.passage is not None:
                self._of_passage[fact.passage].append(fact)
            elif fact.source:
                self._of_source[fact.source].append(fact)
            else:
                self._anywhere[_opening(fold(fact.subject))].append(fact)
        self._passages: dict[tuple[str, ...], set[int]] = defaultdict(set)
        # Other people cut and normalise passages in their own way, so a passage is known by its runs of words.
        for number, text in enumerate(passages):
            for shingle in _shingles(text):
                self._passages[shingle].add(number)

    def key(self, item: ExtractionInput) -> str:
        """See `kg.extraction.protocol.Extractor`."""
        return digest(_RULES, self._digest, item.source, [[chunk.id, chunk.text] for chunk in item.chunks])

    def __call__(self, item: ExtractionInput) -> ExtractionOutcome:
        """Find the facts of one document in its chunks."""
        finders = [_FactFinder(chunk, self._sentences.split(chunk.text), item.title) for chunk in item.chunks]
        hits_of: dict[ImportedFact, list[_FoundFact]] = {}
        for fact in (*self._of_source.get(item.source, ()), *self._near(item.chunks)):
            if fact not in hits_of:
                hits_of[fact] = [hit for finder in finders if (hit := finder.find(fact))]
        # Only a fact that the file assigns to this document counts as missing; the others may stand anywhere.
        missing = sum(not hits for hits in hits_of.values())
        hits_elsewhere: dict[ImportedFact, list[_FoundFact]] = defaultdict(list)
        for finder in finders:
            for fact in self._starting_in(finder):
                if fact not in hits_of and (hit := finder.find(fact)):
                    hits_elsewhere[fact].append(hit)
        hits_of |= hits_elsewhere
        hits = [hit for fact_hits in hits_of.values() for hit in fact_hits]
        mentions = [mention for ends, _ in hits for mention in ends]
        return ExtractionOutcome(by_chunk(item, mentions, [triple for _, triple in hits], missing))

    def account(
        self, sources: Mapping[str, str], extractions: Iterable[Extraction], facts: Iterable[Fact]
    ) -> FactAccount:
        """See `kg.extraction.protocol.AccountingExtractor`."""
        kept = {(span, wording) for fact in facts for span in fact.evidence for wording in _wordings(fact)}
        found: dict[_FactKey, set[str]] = defaultdict(set)
        merged: dict[_FactKey, set[str]] = defaultdict(set)
        for extraction in extractions:
            for triple in extraction.triples:
                dates = triple.valid_from, triple.valid_to
                key = _fact_key(triple.subject, triple.predicate, triple.object, *dates)
                outcome = found if (triple.evidence, triple.predicate) in kept else merged
                outcome[key].add(sources.get(triple.evidence.chunk_id, ""))
        known = set(sources.values())
        skips = list(self._file.skips)
        for place, fact in zip(self._file.places, self._file.facts, strict=True):
            key = _fact_key(fact.subject, fact.predicate, fact.object, fact.valid_from, fact.valid_to)
            if fact.source and fact.source not in known:
                skips.append(_note(place, fact, f"its source {fact.source} is not in the knowledge base"))
            elif _holds(merged[key], fact) and not _holds(found[key], fact):
                skips.append(_note(place, fact, "its subject and its object became one entity"))
            elif not _holds(found[key], fact):
                skips.append(_note(place, fact, f"no passage{f' of {fact.source}' if fact.source else ''} states it"))
        done = len(self._file.facts) + len(self._file.skips) - len(skips)
        counts = ItemCounts.of(done, len(self._file.failures), len(skips))
        return FactAccount(counts, self._file.failures, tuple(skips))

    def _near(self, chunks: Sequence[Chunk]) -> Iterator[ImportedFact]:
        """Facts of the passages that hold more than half of a chunk's runs of words."""
        indexes: set[int] = set()
        for chunk in chunks:
            runs = set(_shingles(chunk.text))
            shared = Counter(index for run in runs for index in self._passages.get(run, ()))
            indexes |= {index for index, count in shared.items() if 2 * count > len(runs)}
        for index in sorted(indexes):
            yield from self._of_passage[index]

    def _starting_in(self, finder: _FactFinder) -> Iterator[ImportedFact]:
        """Facts without document whose subject may begin in a chunk, or be the title."""
        text = finder.text.folded
        openings = {_opening(text[start : start + 40]) for start in _starts(text)} | set(map(_opening, finder.titles))
        for opening in sorted(openings & self._anywhere.keys()):
            yield from self._anywhere[opening]


_FoundFact = tuple[list[Mention], Triple]


class _FactFinder:
    """Finds facts in one chunk, by its sentences and the title of its document."""

    def __init__(self, chunk: Chunk, sentences: Sequence[Span], title: str) -> None:
        self.chunk, self.sentences, self.text = chunk, sentences, FoldedText(chunk.text)
        self.titles = {fold(title), fold(title.partition(" (")[0])} - {""}

    def find(self, fact: ImportedFact) -> _FoundFact | None:
        """The fact and its two ends, with the fewest neighbouring sentences that hold it as evidence, or None."""
        # An end may be missing from the chunk only if it is the title, with or without what stands in brackets.
        ends = self._nearest(list(self.text.find_all(fact.subject)), list(self.text.find_all(fact.object)))
        if ends is None and fold(fact.subject) in self.titles:
            ends = (None, self.text.find(fact.object))
        elif ends is None and fold(fact.object) in self.titles:
            ends = (self.text.find(fact.subject), None)
        spans = [span for span in ends or () if span]
        if ends is None or not spans or not fact.predicate.strip():
            return None
        sentence_span = self._around(min(start for start, _ in spans), max(end for _, end in spans))
        mentions = [
            self._mention(span, name, sentence_span)
            for span, name in zip(ends, (fact.subject, fact.object), strict=True)
        ]
        kind, status = claim(self.chunk.text[slice(*sentence_span)])
        predicate, evidence = " ".join(fact.predicate.lower().split()), Evidence(self.chunk.id, *sentence_span)
        dates = fact.valid_from, fact.valid_to
        return mentions, Triple(mentions[0].name, predicate, mentions[1].name, evidence, *dates, kind, status)

    def _nearest(self, ones: Sequence[Span], others: Sequence[Span]) -> tuple[Span | None, Span | None] | None:
        """The two disjoint spans that lie closest together, or None."""
        pairs = [(one, other) for one in ones for other in others if one[0] >= other[1] or other[0] >= one[1]]
        return min(pairs, key=lambda pair: max(pair[0][1], pair[1][1]) - min(pair[0][0], pair[1][0]), default=None)

    def _around(self, start: int, end: int) -> Span:
        """The span of the sentences that a stretch of text touches."""
        touched = [span for span in self.sentences if span[0] < end and start < span[1]]
        return (min(start, touched[0][0]), max(end, touched[-1][1])) if touched else (start, end)

    def _mention(self, span: Span | None, given_name: str, sentence_span: Span) -> Mention:
        """An end with its span; one that only the title has gets the span of the sentences."""
        name = visible(self.chunk.text[slice(*span)] if span else given_name)
        return Mention(name, guess_type(fold(name)), Evidence(self.chunk.id, *(span or sentence_span)))


@dataclass(frozen=True, slots=True)
class FactFile:
    """What a file of facts holds: every entry is a fact, a failure or a skip.

    Attributes:
        facts: Facts, each once.
        places: Where each of them is, for messages: "line 7".
        passages: Texts that some of the facts belong to.
        failures: Entries that are no facts.
        skips: Facts that say nothing, or nothing new.
    """

    facts: tuple[ImportedFact, ...]
    places: tuple[str, ...]
    passages: tuple[str, ...]
    failures: tuple[FailedItem, ...] = ()
    skips: tuple[ItemNote, ...] = ()


def read_facts(path: Path) -> tuple[list[ImportedFact], list[str]]:
    """The facts of a file, and the passages that some of them belong to; raises as `read_fact_file`."""
    file = read_fact_file(path)
    return list(file.facts), list(file.passages)


def read_fact_file(path: Path) -> FactFile:
    """Read a file of facts.

    Raises:
        ConfigError: It cannot be read, is in no known form, or not one entry is a fact.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"The facts {path} cannot be read ({error}). {_FORM}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The facts {path} are not UTF-8 from byte {error.start} on. Save them as UTF-8.") from error
    content = _json(text)
    if isinstance(content, dict) and isinstance(content.get("docs"), list):
        return _openie(content["docs"], path)
    collected = _Collected()
    passages: dict[str, int] = {}
    for number, row in _rows(text, content):
        if row is None:
            collected.fail(f"line {number}", f"has another form. {_FORM}")
            continue
        try:
            fact = _FactLine.model_validate(row)
        except ValidationError as error:
            collected.fail(f"line {number}", f"is no fact: {describe_problems(error, 'line')}. {_FORM}")
            continue
        passage = passages.setdefault(fact.passage, len(passages)) if fact.passage else None
        dates = normalise_date(fact.valid_from), normalise_date(fact.valid_to)
        collected.add(
            f"line {number}",
            ImportedFact(fact.subject, fact.predicate, fact.object, fact.source, passage, *dates),
        )
    if collected.failures and not collected.facts and not collected.skips:
        first = collected.failures[0]
        raise ConfigError(f"{first.item.capitalize()} of the facts {path} {first.reason}")
    if not (collected.facts or collected.skips):
        raise ConfigError(f"The facts {path} hold none. {_FORM}")
    return collected.file(passages)


class _Collected:
    """The entries of a file of facts so far."""

    def __init__(self) -> None:
        self.facts: dict[ImportedFact, str] = {}
        self.failures: list[FailedItem] = []
        self.skips: list[ItemNote] = []
        self._places: dict[tuple[Any, ...], str] = {}

    def add(self, place: str, fact: ImportedFact) -> None:
        """Take a fact, unless it has no name, is about itself or was there before."""
        if not (fold(fact.subject) and fold(fact.predicate) and fold(fact.object)):
            self.fail(place, "has a subject, predicate or object without a character that can be seen.")
            return
        if normalise_name(fact.subject) == normalise_name(fact.object):
            self.skips.append(_note(place, fact, "its subject and its object are the same"))
            return
        dates = fact.valid_from, fact.valid_to
        key = (*_fact_key(fact.subject, fact.predicate, fact.object, *dates), fact.source, fact.passage)
        if key in self._places:
            self.skips.append(_note(place, fact, f"{self._places[key]} says the same"))
            return
        self._places[key] = place
        self.facts[fact] = place

    def fail(self, place: str, reason: str) -> None:
        """Count an entry that is no fact."""
        self.failures.append(FailedItem(_STAGE, place, reason))

    def file(self, passages: Iterable[str]) -> FactFile:
        """Everything that was collected."""
        places = tuple(self.facts.values())
        return FactFile(tuple(self.facts), places, tuple(passages), tuple(self.failures), tuple(self.skips))


_FactKey = tuple[str, str, str, str, str]


def _fact_key(subject: str, predicate: str, object_: str, valid_from: str, valid_to: str) -> _FactKey:
    """What is the same in a fact of the file and in the fact that was found."""
    return fold(subject), " ".join(predicate.lower().split()), fold(object_), valid_from, valid_to


def _wordings(fact: Fact) -> tuple[str, ...]:
    return fact.phrases or (fact.predicate,)


def _holds(sources: set[str], fact: ImportedFact) -> bool:
    """Whether one of the sources is that of a fact, which may be any if the fact names none."""
    return fact.source in sources if fact.source else bool(sources)


def _note(place: str, fact: ImportedFact, reason: str) -> ItemNote:
    stated = f"{fact.subject} — {fact.predicate} — {fact.object}"
    return ItemNote(_STAGE, f"{place}: {stated}", reason)


def _rows(text: str, content: Any) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The lines of a file that are not blank, as facts that are not checked yet; None for one of no known form."""
    if isinstance(content, list) and any(isinstance(row, dict) for row in content):
        for number, row in enumerate(content, start=1):
            yield number, _by_name(row)
        return
    for number, line in enumerate(StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        row = _json(line) if line.lstrip().startswith("{") else _columns(line.rstrip("\n"))
        is_header = isinstance(row, dict) and all(str(row.get(name)).lower() == name for name in _COLUMNS[:3])
        if not (is_header and number == 1):
            yield number, _by_name(row)


def _by_name(row: object) -> dict[str, Any] | None:
    """The values of a row by names in small letters; None if it is no row."""
    return {str(name).strip().lower(): value for name, value in row.items()} if isinstance(row, dict) else None


def _openie(docs: Iterable[Any], path: Path) -> FactFile:
    collected, passages = _Collected(), []
    for number, doc in enumerate(docs):
        if not isinstance(doc, dict) or not isinstance(doc.get("passage"), str):
            raise ConfigError(f'Document {number} of the OpenIE cache {path} has no "passage" with a text. {_FORM}')
        passages.append(doc["passage"])
        for index, triple in enumerate(doc.get("extracted_triples") or ()):
            place = f"document {number}, triple {index}"
            # Such caches hold what a model wrote; a triple of two or four parts is no fact.
            if isinstance(triple, list) and len(triple) == 3 and all(isinstance(part, str) for part in triple):
                collected.add(place, ImportedFact(triple[0], triple[1], triple[2], passage=number))
            else:
                collected.fail(place, f"is no list of three texts, but {str(triple)[:_SHOWN]}.")
    return collected.file(passages)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _columns(line: str) -> dict[str, str] | None:
    cells = [cell.strip() for cell in line.split("\t")]
    return dict(zip(_COLUMNS, cells, strict=False)) if len(cells) in (3, 4) else None


def _opening(text: str, start: int = 0) -> str:
    """The key by which a name is looked up: its first word, in a script without spaces its first character."""
    match = _WORD.match(text, start) if is_spaced(text[start]) else None
    return match[0] if match else text[start]


def _starts(text: str) -> Iterator[int]:
    """Positions at which a name may begin."""
    for position, character in enumerate(text):
        inside_word = position > 0 and text[position - 1].isalnum() and is_spaced(character)
        if not character.isspace() and not inside_word:
            yield position


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    """Runs of words by which a chunk is recognised as part of a passage; a shorter text is one run."""
    words = fold(text).split()
    for start in range(max(1, len(words) - _SHINGLE + 1)):
        yield tuple(words[start : start + _SHINGLE])
