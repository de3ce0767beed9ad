"""The spans of the sentences of a text, and its number of tokens.

There are two splitters of one protocol. `RuleSentences` cuts at full stops of any script and needs no
model; `SpacySentences` runs the small statistical sentence model of a pinned spaCy pipeline (about
half as fast, and right about "Dr. Vane of 12 St. Mary's Rd."). Both first cut the text where no model
is needed: blank lines, Markdown headings, list items, the full stops of Chinese and Japanese.

    RuleSentences().split("One. Two.")    # [(0, 4), (5, 9)]
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from models.errors import ConfigError

if TYPE_CHECKING:
    from spacy.language import Language

Span = tuple[int, int]

_CUT = re.compile(
    r"\n[^\S\n]*\n\s*"  # blank line
    r"|^\#{1,6}[^\S\n][^\n]*(?:\n|\Z)"  # a heading is a sentence of its own
    r"|\n(?=\#{1,6}[^\S\n])"
    r"|\n(?=[^\S\n]*(?:[-*+•]|\d{1,3}[.)])[^\S\n])"  # list item
    r"|[。！？｡]+[」』”’）】》]*"
    r"|[^\s。！？｡]{512}",  # no language has such a word, and spaCy's tokenizer is quadratic on some
    re.MULTILINE,
)
_MAX_PIECE = 100_000  # characters given to spaCy at once; its own limit is a million
_MAX_WORD = 24  # longest run of characters that counts as one word
_TOKENIZING = threading.Lock()  # the tokenizer keeps a table of words that threads would share
# Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_ABBREVIATION = re.compile(
    r"^\d{1,3}\.$|(?:^|[\s(\"'“‘])(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|Rev|Hon|Gen|Col|Capt|Lt|Sgt|St|Mt|Jr|Sr|vs|No|Fig|Vol|pp|ca|cf|e\.g|i\.e"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$"
)
_OPENING = re.compile(r"\s+([\"'“‘«(\[]+)$")


class SentenceSplitter(Protocol):
    """A text to the spans of its sentences.

    Attributes:
        name: Name of rules and version; part of the key of everything made with the splitter.
    """

    name: str

    def split(self, text: str) -> list[Span]:
        """Spans of the sentences in order, disjoint, without white space at their ends.

        Every character that is not white space lies in one of them.
        """

    def count_tokens(self, text: str) -> int:
        """Number of tokens; counts add up over white space."""


def count_tokens(text: str) -> int:
    """Number of tokens: words and punctuation marks by spaCy's rules for any language.

    In scripts that write no spaces (Han, kana, Thai, Lao, Burmese, Khmer) every character counts, and a
    run of more than 24 characters without a space counts in pieces of 24, so that no text of few
    tokens is long. Counts add up over white space: the count of two texts joined by a space is the sum
    of theirs. The tokens of a language model are others, usually 1.2 to 1.5 times as many for English.

    Example:
        >>> count_tokens("Only 5 miles."), count_tokens("北京。")
        (4, 3)
    """
    return sum(_count_piece(word[i : i + _MAX_WORD]) for word in text.split() for i in range(0, len(word), _MAX_WORD))


@lru_cache(maxsize=1 << 17)
def _count_piece(piece: str) -> int:
    tokenizer = _tokenizer()
    with _TOKENIZING:
        return len(tokenizer(piece))


@cache
def _tokenizer() -> Any:
    from spacy.util import compile_infix_regex

    nlp = _blank()
    between = [rf"(?<=[{_UNSPACED}])(?=\S)", rf"(?<=\S)(?=[{_UNSPACED}])", r"[。！？｡、，：；「」『』（）《》]"]
    nlp.tokenizer.infix_finditer = compile_infix_regex([*nlp.Defaults.infixes, *between]).finditer
    return nlp.tokenizer


def _blank() -> Language:
    import spacy

    return spacy.blank("xx")


class RuleSentences:
    """Cuts at full stops, question and exclamation marks of any script; knows a few abbreviations."""

    name = "rule-1"

    def __init__(self) -> None:
        self._nlp: Language | None = None
        self._lock = threading.Lock()

    def split(self, text: str) -> list[Span]:
        """See `SentenceSplitter`."""
        with self._lock:
            if self._nlp is None:
                self._nlp = _blank()
                self._nlp.add_pipe("sentencizer")
            return [span for spans in _run(self._nlp, text) for span in _repair(text, spans)]

    def count_tokens(self, text: str) -> int:
        """See `kg.language.sentences.count_tokens`."""
        return count_tokens(text)


class SpacySentences:
    """The sentence model (`senter`) of a spaCy pipeline; no other component is loaded.

    Args:
        folder: Folder of the pipeline, which holds `config.cfg`.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"senter-{folder.name}"
        self._folder = folder
        self._nlp: Language | None = None
        self._lock = threading.Lock()

    def split(self, text: str) -> list[Span]:
        """See `SentenceSplitter`.

        Raises:
            ConfigError: The folder holds no spaCy pipeline with a sentence model.
        """
        with self._lock:
            if self._nlp is None:
                self._nlp = _load_senter(self._folder)
            return [span for spans in _run(self._nlp, text) for span in spans]

    def count_tokens(self, text: str) -> int:
        """See `kg.language.sentences.count_tokens`."""
        return count_tokens(text)


def _load_senter(folder: Path) -> Language:
    import spacy

    try:
        components = spacy.util.load_config(folder / "config.cfg")["nlp"]["pipeline"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"Expected a spaCy pipeline in {folder}, but it has no usable config.cfg ({error}). Give another folder."
        ) from error
    if "senter" not in components:
        raise ConfigError(
            f"Expected a spaCy pipeline with a `senter`, but {folder} has only {', '.join(components)}. "
            "Use another one."
        )
    nlp = spacy.load(folder, exclude=[name for name in components if name != "senter"])
    nlp.enable_pipe("senter")  # published pipelines carry it switched off
    return nlp


def _run(nlp: Language, text: str) -> Iterator[list[Span]]:
    """Sentence spans of each piece of a text."""
    pieces = list(_pieces(text))
    for (start, _), doc in zip(pieces, nlp.pipe(text[start:end] for start, end in pieces), strict=True):
        spans = (_trim(text, start + sentence.start_char, start + sentence.end_char) for sentence in doc.sents)
        yield [span for span in spans if span]


def _pieces(text: str) -> Iterator[Span]:
    """Stretches of text that no sentence crosses, none of them long."""
    cuts = [0, *(match.end() for match in _CUT.finditer(text)), len(text)]
    for start, end in pairwise(cuts):
        while end - start > _MAX_PIECE:
            at = max(
                text.rfind("\n", start + 1, start + _MAX_PIECE),
                text.rfind(" ", start + _MAX_PIECE // 2, start + _MAX_PIECE),
            )
            at = at if at > start else start + _MAX_PIECE
            if span := _trim(text, start, at):
                yield span
            start = at
        if span := _trim(text, start, end):
            yield span


def _trim(text: str, start: int, end: int) -> Span | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _repair(text: str, spans: list[Span]) -> Iterator[Span]:
    """Join sentences that were cut at an abbreviation, and move an opening quote to the sentence that it opens."""
    held: Span | None = None
    for span in spans:
        if held is None:
            held = span
            continue
        sentence = text[held[0] : held[1]]
        if opening := _OPENING.search(sentence):
            yield (held[0], held[0] + opening.start())
            held = (held[0] + opening.start(1), span[1])
        elif text[span[0]].islower() or _ABBREVIATION.search(sentence):
            held = (held[0], span[1])
        else:
            yield held
            held = span
    if held is not None:
        yield held
