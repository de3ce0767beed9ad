"""Facts that others have extracted, tied to the passages of the corpus that hold them.

Three kinds of file, told apart by their content:

- JSON lines: `{"subject": …, "predicate": …, "object": …}`, with `source` (the document they come from) or `passage` (a
  text that holds the chunk) where that is known, and `valid_from`, `valid_to`;
- TSV: subject, predicate, object, and a source if there is a fourth column;
- an OpenIE cache as HippoRAG publishes it: `{"docs": [{"passage": …, "extracted_triples": [[s, p, o], …]}]}`.

A fact without source or passage is looked for in every document. Both ends must stand in one chunk, or one of them in
the title; the evidence is the fewest neighbouring sentences that hold what the chunk has of them. A fact of a document
that doesn't hold it is dropped and counted.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kg.extraction.claims import claim
from kg.extraction.protocol import Passage, Reading, by_chunk
from kg.extraction.verify import guess_type
from kg.language.dates import normalise_date
from kg.language.sentences import SentenceSplitter
from kg.language.spans import Folded, Span, fold, spaced
from kg.schema import Chunk, Evidence, Mention, Triple
from models.errors import ConfigError, describe
from models.files.digest import digest

_RULES = 1
_SHINGLE = 6
_WORD = re.compile(r"\w+")
_FORM = (
    'expected JSON lines with "subject", "predicate" and "object", TSV of three or four columns, or an OpenIE cache '
    'with "docs"'
)


class _Line(BaseModel):
    """One fact of a file of JSON lines; other keys are somebody else's."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    subject: str = Field(min_length=1)
    predicate: str = Field(min_length=1)
    object: str = Field(min_length=1)
    source: str = ""
    passage: str = ""
    valid_from: str = ""
    valid_to: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """A fact as the file gives it; `passage` is the number of the passage it belongs to, if any."""

    subject: str
    predicate: str
    object: str
    source: str = ""
    passage: int | None = None
    valid_from: str = ""
    valid_to: str = ""


class ImportedFacts:
    """Gives passages their facts of a file.

    Args:
        path: The file.
        sentences: Splits chunks.
    Raises:
        ConfigError: The file cannot be read, or is in no known form.
    """

    def __init__(self, path: Path, sentences: SentenceSplitter) -> None:
        facts, passages = read_facts(path)
        self._sentences = sentences
        self._digest = digest([[getattr(fact, name) for name in Given.__slots__] for fact in facts], passages)
        self._of_source: dict[str, list[Given]] = defaultdict(list)
        self._of_passage: dict[int, list[Given]] = defaultdict(list)
        self._anywhere: dict[str, list[Given]] = defaultdict(list)  # by how the subject begins
        for fact in facts:
            if fact.passage is not None:
                self._of_passage[fact.passage].append(fact)
            elif fact.source:
                self._of_source[fact.source].append(fact)
            elif subject := fold(fact.subject):
                self._anywhere[_opening(subject)].append(fact)
        self._passages: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for number, text in enumerate(passages):
            for shingle in _shingles(text):
                self._passages[shingle].add(number)

    def key(self, passage: Passage) -> str:
        """See `kg.extraction.protocol.Extractor`."""
        return digest(_RULES, self._digest, passage.source, [[chunk.id, chunk.text] for chunk in passage.chunks])

    def __call__(self, passage: Passage) -> Reading:
        """Find the facts of one document in its chunks."""
        places = [_Place(chunk, self._sentences.split(chunk.text), passage.title) for chunk in passage.chunks]
        bound = [*self._of_source.get(passage.source, ()), *self._near(passage.chunks)]
        found = {fact: [place.find(fact) for place in places] for fact in dict.fromkeys(bound)}
        missing = sum(not any(parts) for parts in found.values())
        for place in places:
            found |= {fact: [place.find(fact)] for fact in self._starting_in(place.text) if fact not in found}
        parts = [part for each in found.values() for part in each if part]
        mentions = [mention for names, _ in parts for mention in names]
        return Reading(by_chunk(passage, mentions, [triple for _, triple in parts], missing))

    def _near(self, chunks: Sequence[Chunk]) -> Iterator[Given]:
        """Facts of the passages that hold most of a chunk's runs of words."""
        numbers = set()
        for chunk in chunks:
            runs = set(_shingles(chunk.text))
            shared = Counter(number for run in runs for number in self._passages.get(run, ()))
            numbers |= {number for number, count in shared.items() if 2 * count > len(runs)}
        for number in sorted(numbers):
            yield from self._of_passage[number]

    def _starting_in(self, text: Folded) -> Iterator[Given]:
        for opening in sorted(
            {_opening(text.folded[start : start + 40]) for start in _starts(text.folded)} & self._anywhere.keys()
        ):
            yield from self._anywhere[opening]


class _Place:
    """A chunk with its sentences, and the title above it."""

    def __init__(self, chunk: Chunk, sentences: Sequence[Span], title: str) -> None:
        self.chunk, self.sentences, self.text = chunk, sentences, Folded(chunk.text)
        self.titles = {fold(title), fold(title.partition(" (")[0])} - {""}

    def find(self, fact: Given) -> tuple[list[Mention], Triple] | None:
        """The fact with the fewest neighbouring sentences that hold it, or None."""
        ends = self._nearest(list(self.text.find_all(fact.subject)), list(self.text.find_all(fact.object)))
        if ends is None and fold(fact.subject) in self.titles:
            ends = (None, self.text.find(fact.object))
        elif ends is None and fold(fact.object) in self.titles:
            ends = (self.text.find(fact.subject), None)
        found = [span for span in ends or () if span]
        if ends is None or not found or not fact.predicate.strip():
            return None
        place = self._around(min(start for start, _ in found), max(end for _, end in found))
        names = [
            self._mention(span, given, place) for span, given in zip(ends, (fact.subject, fact.object), strict=True)
        ]
        kind, status = claim(self.chunk.text[slice(*place)])
        predicate, evidence = " ".join(fact.predicate.lower().split()), Evidence(self.chunk.id, *place)
        dates = fact.valid_from, fact.valid_to
        return names, Triple(names[0].name, predicate, names[1].name, evidence, *dates, kind, status)

    def _nearest(self, ones: Sequence[Span], others: Sequence[Span]) -> tuple[Span | None, Span | None] | None:
        pairs = [(one, other) for one in ones for other in others if one[0] >= other[1] or other[0] >= one[1]]
        return min(pairs, key=lambda pair: max(pair[0][1], pair[1][1]) - min(pair[0][0], pair[1][0]), default=None)

    def _around(self, start: int, end: int) -> Span:
        touched = [span for span in self.sentences if span[0] < end and start < span[1]]
        return (min(start, touched[0][0]), max(end, touched[-1][1])) if touched else (start, end)

    def _mention(self, span: Span | None, given: str, place: Span) -> Mention:
        """An end where it stands; of one that only the title has, the sentence that speaks of it."""
        name = " ".join((self.chunk.text[slice(*span)] if span else given).split())
        return Mention(name, guess_type(fold(name)), Evidence(self.chunk.id, *(span or place)))


def read_facts(path: Path) -> tuple[list[Given], list[str]]:
    """Read a file of facts.

    Returns:
        The facts, and the passages that some of them belong to.
    Raises:
        ConfigError: It cannot be read, or is in no known form.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the facts {path} cannot be read ({error}): {_FORM}") from error
    whole = _json(text)
    if isinstance(whole, dict) and isinstance(whole.get("docs"), list):
        return _openie(whole["docs"], path)
    facts, passages = [], dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            row = _json(line) if line.lstrip().startswith("{") else _columns(line)
            try:
                fact = _Line.model_validate(row)
            except ValidationError as error:
                raise ConfigError(f"line {number} of the facts {path}: {describe(error)}; {_FORM}") from error
            place = passages.setdefault(fact.passage, len(passages)) if fact.passage else None
            dates = normalise_date(fact.valid_from), normalise_date(fact.valid_to)
            facts.append(Given(fact.subject, fact.predicate, fact.object, fact.source, place, *dates))
    return facts, list(passages)


def _openie(docs: Iterable[Any], path: Path) -> tuple[list[Given], list[str]]:
    facts, passages = [], []
    for number, doc in enumerate(docs):
        if not isinstance(doc, dict) or not isinstance(doc.get("passage"), str):
            raise ConfigError(f'document {number} of the OpenIE cache {path} has no "passage"')
        passages.append(doc["passage"])
        for triple in doc.get("extracted_triples") or ():
            # Such caches hold what a model wrote; a triple of two or four parts is no fact.
            if isinstance(triple, list) and len(triple) == 3 and all(isinstance(part, str) for part in triple):
                facts.append(Given(triple[0], triple[1], triple[2], passage=number))
    return facts, passages


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _columns(line: str) -> dict[str, str] | None:
    cells = [cell.strip() for cell in line.split("\t")]
    names = ("subject", "predicate", "object", "source")
    return dict(zip(names, cells, strict=False)) if len(cells) in (3, 4) else None


def _opening(text: str, start: int = 0) -> str:
    """The first word, of a script without spaces the first character, by which a name is looked up."""
    match = _WORD.match(text, start) if spaced(text[start]) else None
    return match[0] if match else text[start]


def _starts(text: str) -> Iterator[int]:
    """Where a name may begin."""
    for place, character in enumerate(text):
        if not character.isspace() and (place == 0 or not (text[place - 1].isalnum() and spaced(character))):
            yield place


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    """Runs of words by which a chunk is known as part of a passage; a shorter text is one run."""
    words = fold(text).split()
    for start in range(max(1, len(words) - _SHINGLE + 1)):
        yield tuple(words[start : start + _SHINGLE])
