"""How much of a passage the encoder reads: the limit that documents are split by, and the share read by language.

An encoder cuts off what exceeds its window without a word. MiniLM's 256 tokens hold 160 tokens of `kg.language` in
English, and not half as many in Korean or Russian. So documents are split by both counts (`split`), and where passages
stay whole, the share that is read is told (`measure_reading`). Encoders that do not state a window are taken to read
every passage whole (see `models.protocols.WindowedEncoder`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from kg.documents.chunk import ReadingLimit, chunk
from kg.documents.heading import heading_of
from kg.language.identify import UNKNOWN, language_name, language_of
from kg.language.sentences import SentenceSplitter
from kg.schema import Chunk, Document
from kg.summary import EncoderReading
from models.config import EncoderModel, known_models, load_model
from models.protocols import Encoder, WindowedEncoder

_TRIES = 4
"""Maximum number of times a document is split, where the encoder's tokens do not add up over white space."""
_TOLD = 0.98
"""Share read of a language's passages below which a notice is given; a few emoji that no vocabulary has are no news."""


class PassageWindow:
    """The window of an encoder, as passages need it."""

    def __init__(self, encoder: WindowedEncoder, max_tokens: int) -> None:
        self._encoder = encoder
        self._max_tokens = max_tokens
        self._prefix = encoder.token_counts([""])[0]

    @classmethod
    def of(cls, encoder: Encoder) -> PassageWindow | None:
        """The window of an encoder, None if it reads every text whole or does not say what it reads."""
        if not isinstance(encoder, WindowedEncoder) or encoder.max_tokens is None:
            return None
        return cls(encoder, encoder.max_tokens)

    def heading(self, title: str, date: str) -> str:
        """The heading of a document's passages as embedded: half of the window at most, cut at its end."""
        whole = heading_of(title, date)
        room = self._room()
        # A token has at least one byte.
        if len(whole.encode()) <= room or self._count(whole) <= room:
            return whole
        shortest, longest = 0, len(title)
        while shortest < longest:
            middle = (shortest + longest + 1) // 2
            if self._count(heading_of(title[:middle], date)) <= room:
                shortest = middle
            else:
                longest = middle - 1
        return heading_of(title[:shortest], date)

    def excess(self, document: Document, chunks: Sequence[Chunk]) -> int:
        """Tokens by which the longest chunk of a document, behind its heading, exceeds the window; 0 if all fit."""
        heading = self.heading(document.title, document.date)
        counts = self._encoder.token_counts([heading + " ".join(part.text.split()) for part in chunks])
        return max(0, max(counts, default=0) - self._max_tokens)

    def limit(self, document: Document, spare: int = 0) -> ReadingLimit:
        """What the encoder reads of a chunk of a document, behind its heading.

        Args:
            document: The document.
            spare: Tokens that are kept free.
        """
        heading = self._count(self.heading(document.title, document.date))
        return ReadingLimit(max(1, self._max_tokens - self._prefix - heading - spare), self._counts)

    def _room(self) -> int:
        return (self._max_tokens - self._prefix) // 2

    def _count(self, text: str) -> int:
        return self._counts([text])[0]

    def _counts(self, texts: Sequence[str]) -> list[int]:
        # As embedded: a separator that the encoder's tokeniser ignores has become a space.
        as_embedded = [" ".join(text.split()) for text in texts]
        return [count - self._prefix for count in self._encoder.token_counts(as_embedded)]


def split(
    document: Document,
    max_tokens: int,
    sentences: SentenceSplitter,
    overlap_sentences: int = 0,
    window: PassageWindow | None = None,
) -> tuple[tuple[Chunk, ...], bool]:
    """Cut a document into chunks that the encoder reads to their end.

    Args:
        document: The document.
        max_tokens: See `kg.documents.chunk.chunk`; likewise `sentences` and `overlap_sentences`.
        sentences: Splitter.
        overlap_sentences: Number of sentences that a chunk repeats.
        window: The encoder's window; None for no limit.
    Returns:
        The chunks, and whether the window made them smaller; where all chunks of `max_tokens` fit it, they stay.
    Raises:
        ValueError: See `kg.documents.chunk.chunk`.
    """
    chunks = chunk(document, max_tokens, sentences, overlap_sentences)
    if window is None or not window.excess(document, chunks):
        return chunks, False
    spare = 0
    for _ in range(_TRIES):
        chunks = chunk(document, max_tokens, sentences, overlap_sentences, window.limit(document, spare))
        excess = window.excess(document, chunks)
        if not excess:
            break
        # The tokeniser's counts do not add up over white space: room is left for what they lack.
        spare += excess
    return chunks, True


def embedded_passages(documents: Iterable[Document], chunks: Iterable[Chunk], encoder: Encoder) -> list[str]:
    """Chunks in their order as an encoder is given them: behind a heading that leaves them room."""
    window = PassageWindow.of(encoder)
    heading = window.heading if window else heading_of
    headings = {document.id: heading(document.title, document.date) for document in documents}
    return [headings.get(part.document_id, "") + " ".join(part.text.split()) for part in chunks]


def measure_reading(encoder: Encoder, texts: Sequence[str]) -> dict[str, EncoderReading]:
    """Measure what an encoder reads of passages.

    Args:
        encoder: The encoder.
        texts: Passages as they are embedded.
    Returns:
        The reading by ISO 639-1 code, the most frequent language first; empty if the encoder does not state a window.
    """
    if not isinstance(encoder, WindowedEncoder):
        return {}
    of_language: defaultdict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        of_language[language_of(text)].append(row)
    read = encoder.readings(texts)
    limit = encoder.max_tokens
    readings = {}
    for language, rows in sorted(of_language.items(), key=lambda item: (-len(item[1]), item[0])):
        letters = sum(len(texts[row]) for row in rows)
        readings[language] = EncoderReading(
            passages=len(rows),
            cut=0 if limit is None else sum(read[row].tokens > limit for row in rows),
            longest=max(read[row].tokens for row in rows),
            share=sum(read[row].share * len(texts[row]) for row in rows) / letters if letters else 1.0,
            characters=letters,
        )
    return readings


def reading_notices(encoder: Encoder, readings: Mapping[str, EncoderReading]) -> list[str]:
    """What a user should know about what an encoder reads, in sentences.

    Args:
        encoder: The encoder.
        readings: What `measure_reading` returned for it.
    """
    if not isinstance(encoder, WindowedEncoder):
        return []
    notices = []
    for language, reading in readings.items():
        if reading.cut or reading.share < _TOLD:
            notices.append(_reading_notice(encoder, language, reading))
    languages = encoder.languages
    foreign = [code for code in readings if code != UNKNOWN and languages and code not in languages]
    passages = sum(reading.passages for reading in readings.values())
    if 2 * sum(readings[code].passages for code in foreign) > passages:
        most, trained = readings[foreign[0]].passages, " and ".join(map(language_name, languages))
        notices.append(
            f"{most:,} of {passages:,} {_noun(passages)} {_are(most)} {language_name(foreign[0])}; {encoder.name} was "
            f"trained on {trained} and finds little in other languages. Take an encoder for many languages"
            f"{_for_many_languages()}."
        )
    return notices


def query_notices(encoder: Encoder, queries: Sequence[str]) -> list[str]:
    """What a user should know about queries that the encoder does not read to their end, in sentences."""
    if not isinstance(encoder, WindowedEncoder) or encoder.max_tokens is None:
        return []
    counts = encoder.token_counts(queries, "query")
    cut = sum(count > encoder.max_tokens for count in counts)
    if not cut:
        return []
    return [
        f"{cut:,} of {len(queries):,} queries {_are(cut)} longer than the {encoder.max_tokens:,} tokens that "
        f"{encoder.name} reads (the longest has {max(counts):,})."
    ]


def _reading_notice(encoder: WindowedEncoder, language: str, reading: EncoderReading) -> str:
    noun = _noun(reading.passages)
    named = f"{noun} in an undetermined language" if language == UNKNOWN else f"{language_name(language)} {noun}"
    if not reading.cut:
        reason = "its vocabulary lacks the rest"
    else:
        reason = (
            f"{reading.cut:,} {_are(reading.cut)} longer than the {encoder.max_tokens:,} tokens that it reads (the "
            f"longest has {reading.longest:,})"
        )
    return f"{encoder.name} reads {_percent(reading.share)} of the text of {reading.passages:,} {named}: {reason}."


def _noun(passages: int) -> str:
    return "passage" if passages == 1 else "passages"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _percent(share: float) -> str:
    """A share in words; one below 1 is never rounded to all, and one above 0 never to nothing."""
    if 0.005 <= share < 0.995:
        return f"{100 * share:.0f} %"
    return "over 99 %" if share > 0.5 else "less than 1 %"


def _for_many_languages() -> str:
    """The shipped encoders that are not made for a few languages."""
    names = [name for name in known_models(("sentence-transformers",)) if not _languages_of(name)]
    return f": {' or '.join(f'--encoder {name}' for name in names)}" if names else ""


def _languages_of(name: str) -> tuple[str, ...]:
    config = load_model(name)
    return config.languages if isinstance(config, EncoderModel) else ()
