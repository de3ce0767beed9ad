"""The result of a build in numbers: the value that the command line prints after indexing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item that failed in a stage.

    Attributes:
        stage: Name of the stage.
        item: Id of the item, or the source path of a document.
        reason: Why it failed, in words.
    """

    stage: str
    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class BuildCost:
    """The cost of one run of a build; recorded replies are free.

    Attributes:
        tokens_in: Number of tokens that models were given.
        tokens_out: Number of tokens that models wrote.
        cached: Number of the tokens given that came from a server's prefix cache.
        seconds: Wall-clock seconds of building the graph, without the vectors of the index.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    seconds: float = 0.0


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
        skipped: Number of items left out on purpose: empty, or too long.
        dropped: Number of names and facts that models proposed and the text does not contain.
        tokens_in: Number of tokens that models were given for what the store holds, in this run or earlier ones.
        tokens_out: Number of tokens written for it.
        seconds: Seconds that those model calls and the other stages took, summed over items.
        spent: Cost of this run.
        failures: The failed items with their reasons, by stage and item.
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
