"""A schema from a sample of the corpus: the kinds of things and the relations that an extractor finds most often.

The result is for a person to read, cut and put under `extract` in the settings of an index: with kinds and
relations given, a model writes those and no others.

    learn(documents, NlpExtractor(sentences), sentences, sample=20)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from kg.documents.chunk import chunk
from kg.documents.load import LoadAccount
from kg.extraction.protocol import ExtractionInput, Extractor
from kg.language.predicates import canonical
from kg.language.sentences import SentenceSplitter
from kg.schema import Document
from models.files.digest import digest
from models.runtime.progress import SILENT, Progress

_NO_KIND = frozenset(("other", "value"))


@dataclass(frozen=True, slots=True)
class InducedSchema:
    """The kinds and relations of a sample.

    Attributes:
        documents: Number of documents in the sample.
        entity_types: Kinds of things with the number of their mentions, most frequent first.
        relations: Relations in canonical form with the number of their facts, most frequent first.
        files: How the files of the corpus ended, where it was read from files.
    """

    documents: int
    entity_types: tuple[tuple[str, int], ...]
    relations: tuple[tuple[str, int], ...]
    files: LoadAccount = field(default_factory=LoadAccount)


def induce_schema(
    documents: Sequence[Document],
    extractor: Extractor,
    sentences: SentenceSplitter,
    sample: int,
    limit: int = 30,
    chunk_tokens: int = 160,
    progress: Progress = SILENT,
) -> InducedSchema:
    """Extract from a sample of the documents and count kinds and relations.

    Args:
        documents: The corpus; the sample is drawn by digest of their ids, the same for the same corpus.
        extractor: Extracts names and facts.
        sentences: Splits documents into sentences.
        sample: Maximum number of documents in the sample.
        limit: Maximum number of kinds, and of relations, in the result; those that occur only once are left out.
        chunk_tokens: Maximum number of tokens of a chunk.
        progress: Reports the documents done.
    """
    chosen = sorted(documents, key=lambda document: digest(document.id))[:sample]
    kinds: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    with progress.step("read a sample", total=len(chosen), unit="documents") as step:
        for document in chosen:
            for part in chunk(document, chunk_tokens, sentences):
                outcome = extractor(ExtractionInput((part,), document.title, document.date, document.source))
                for extraction in outcome.extractions:
                    kinds.update(mention.type for mention in extraction.mentions if mention.type not in _NO_KIND)
                    relations.update(canonical(triple.predicate) for triple in extraction.triples)
            step.advance()
    return InducedSchema(len(chosen), _most_frequent(kinds, limit), _most_frequent(relations, limit))


def _most_frequent(counts: Counter[str], limit: int) -> tuple[tuple[str, int], ...]:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple((name, count) for name, count in ranked[:limit] if count > 1)
