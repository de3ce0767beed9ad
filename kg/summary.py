"""What a build did, in numbers: the value that the command line prints after indexing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One item that could not be done."""

    stage: str
    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What this run of the build cost; answers from records are free.

    Attributes:
        tokens_in: Tokens that models read; `cached` of them came from a server's prefix cache.
        tokens_out: Tokens written.
        cached: See `tokens_in`.
        seconds: Wall-clock seconds from begin to end.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """The state of a knowledge base after a build.

    Attributes:
        digest: Of the whole store.
        documents: Number of documents.
        chunks: Number of passages.
        entities: Number of entities.
        facts: Number of facts.
        communities: Number of communities, all levels together.
        failed: Items of all stages that failed, this time or before.
        skipped: Items left out on purpose: empty, or too long.
        dropped: Names and facts that models proposed and the text does not hold.
        tokens_in: Tokens that models read for what the store holds, whenever that was.
        tokens_out: Tokens written for it.
        seconds: Seconds that those model calls and the other stages took, summed over items.
        spent: What this run cost.
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
    spent: Spent
    failures: tuple[Failure, ...]
