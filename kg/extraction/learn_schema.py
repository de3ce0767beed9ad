"""A schema from a sample of the corpus: the kinds of things and the relations that an extractor finds most often.

What comes out is for a person to read, cut and put under `extract` in the settings of an index: with kinds and
relations given, a model writes those and no others.

    learn(documents, NlpExtractor(sentences), sentences, sample=20)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kg.documents.chunk import chunk
from kg.extraction.protocol import Extractor, Passage
from kg.language.predicates import canonical
from kg.language.sentences import SentenceSplitter
from kg.schema import Document
from models.files.digest import digest
from models.runtime.progress import SILENT, Progress

_NO_KIND = frozenset(("other", "value"))


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a sample holds.

    Attributes:
        documents: How many were read.
        entity_types: Kinds of things with the number of their mentions, most often first.
        relations: Relations in canonical form with the number of their facts, likewise.
    """

    documents: int
    entity_types: tuple[tuple[str, int], ...]
    relations: tuple[tuple[str, int], ...]


def learn(
    documents: Sequence[Document],
    extractor: Extractor,
    sentences: SentenceSplitter,
    sample: int,
    most: int = 30,
    chunk_tokens: int = 160,
    progress: Progress = SILENT,
) -> Learnt:
    """Read a sample of the documents and count what is found.

    Args:
        documents: The corpus; the sample is drawn by digest of their ids, the same for the same corpus.
        extractor: Reads passages.
        sentences: Splits documents.
        sample: Most documents to read.
        most: Most kinds and relations to name; of those that occur only once, none.
        chunk_tokens: Most tokens of a passage.
        progress: Who is told.
    """
    chosen = sorted(documents, key=lambda document: digest(document.id))[:sample]
    kinds: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    with progress.step("read a sample", total=len(chosen), unit="documents") as step:
        for document in chosen:
            for part in chunk(document, chunk_tokens, sentences):
                for row in extractor(Passage((part,), document.title, document.date, document.source)).extractions:
                    kinds.update(mention.type for mention in row.mentions if mention.type not in _NO_KIND)
                    relations.update(canonical(triple.predicate) for triple in row.triples)
            step.advance()
    return Learnt(len(chosen), _often(kinds, most), _often(relations, most))


def _often(counts: Counter[str], most: int) -> tuple[tuple[str, int], ...]:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple((name, count) for name, count in ranked[:most] if count > 1)
