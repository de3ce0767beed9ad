"""The result of a build in numbers: the value that the command line prints after indexing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item that failed in a stage.

    Attributes:
        stage: Name of the stage.
        item: Id of the item, or the source path of a document.
        reason: Why it failed, in words.
        source: Path of the file that a passage is from; "" where the item names it itself.
    """

    stage: str
    item: str
    reason: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class ItemNote:
    """An item that was skipped, or that there is something to know about.

    Attributes:
        stage: Name of the stage.
        item: Id of the item, or the source path of a document; "" for all items together.
        reason: Why it was skipped, or what to know, in words.
    """

    stage: str
    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """How the items of one kind ended; make one with `of`.

    Attributes:
        total: Number of items: the sum of the other three.
        done: Number of items that were read or made.
        failed: Number of items that failed.
        skipped: Number of items that were left out on purpose.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0

    @classmethod
    def of(cls, done: int = 0, failed: int = 0, skipped: int = 0) -> ItemCounts:
        """Counts with their sum.

        Example:
            >>> ItemCounts.of(done=3, skipped=1).total
            4
        """
        return cls(done + failed + skipped, done, failed, skipped)

    def __add__(self, other: ItemCounts) -> ItemCounts:
        return self.of(self.done + other.done, self.failed + other.failed, self.skipped + other.skipped)


@dataclass(frozen=True, slots=True)
class BuildCost:
    """The cost of one run of a build; recorded replies are free.

    Attributes:
        tokens_in: Number of tokens that models were given.
        tokens_out: Number of tokens that models wrote.
        cached: Number of the tokens given that came from a server's prefix cache.
        seconds: Wall-clock seconds of building the graph, without the vectors of the index.
        estimated: Whether a server stated no numbers of tokens, so that some of these are estimates.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    seconds: float = 0.0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class EncoderReading:
    """What an encoder reads of the passages in one language.

    Attributes:
        passages: Number of passages.
        cut: Number of them that are longer than the encoder's window.
        longest: Tokens of the longest passage, by the encoder's tokeniser.
        share: Share of their text that is read, in [0, 1]: within the window, and in the encoder's vocabulary.
        characters: Number of characters of their text.
    """

    passages: int
    cut: int
    longest: int
    share: float
    characters: int

    def __add__(self, other: EncoderReading) -> EncoderReading:
        characters = self.characters + other.characters
        read = self.share * self.characters + other.share * other.characters
        return EncoderReading(
            self.passages + other.passages,
            self.cut + other.cut,
            max(self.longest, other.longest),
            read / characters if characters else 1.0,
            characters,
        )


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """The state of a knowledge base after a build.

    Attributes:
        digest: Digest of the store's content.
        documents: Number of documents.
        chunks: Number of passages.
        entities: Number of entities.
        facts: Number of facts.
        communities: Number of communities, all levels together.
        failed: Number of items of all stages that failed, in this run or an earlier one.
        skipped: Number of items of all stages left out on purpose, in this run or an earlier one.
        dropped: Number of names and facts that models proposed and that were left out: the text does not contain them,
            or the reply had more of them than it may.
        tokens_in: Number of tokens that models were given for what the store holds, in this run or earlier ones.
        tokens_out: Number of tokens written for it.
        seconds: Seconds that those model calls and the other stages took, summed over items.
        spent: Cost of this run.
        failures: The failed items with their reasons, by stage and item.
        skips: The items that were left out with their reasons, by stage and item: files of unknown formats, hidden
            files, linked folders, documents that are too long, passages without words, facts that nothing states.
        notices: What to know about items that are done, by stage and item, such as a guessed encoding.
        counts: How items ended, by kind: the "files" that this run read or tried, their "rows", "pages" and other
            parts; the "documents" of the knowledge base, the "passages" that an extractor was given, and the "facts"
            of a file of facts. Kinds without any item are left out.
        encoder_read: What the encoder reads of the passages, by the ISO 639-1 code of their language ("und" where it
            is not determined); empty if the encoder does not say what it reads.
        tokens_estimated: Whether a server stated no numbers of tokens, so that some of those above are estimates.
    """

    digest: str
    documents: int
    chunks: int
    entities: int
    facts: int
    communities: int
    failed: int
    skipped: int
    dropped: int
    tokens_in: int
    tokens_out: int
    seconds: float
    spent: BuildCost
    failures: tuple[FailedItem, ...]
    skips: tuple[ItemNote, ...] = ()
    notices: tuple[ItemNote, ...] = ()
    counts: Mapping[str, ItemCounts] = field(default_factory=dict)
    encoder_read: Mapping[str, EncoderReading] = field(default_factory=dict)
    tokens_estimated: bool = False
