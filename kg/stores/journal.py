"""The items of one stage: which are still to do, and how each ended, written together with its rows.

The journal is what makes a build resumable. An item is finished if its newest entry carries the key of the current
input and settings; its rows and its entry are one transaction, so a killed process leaves either both or neither.
Failed items count as finished until `retry_failed` is set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from kg.schema import Row
from kg.stores.protocol import GraphStore, JournalEntry
from kg.summary import FailedItem, ItemCounts, ItemNote
from models.errors import OutputError, describe_error
from models.protocols import Usage
from models.redaction import redact

ESTIMATED = "numbers of tokens are estimates"
"""Notice of an item whose model's server stated no numbers of tokens."""
GONE = "no longer in the corpus"
"""Reason of an item that earlier builds knew and the newest one doesn't."""
_FREE = Usage()


class StageJournal:
    """The outcomes of one stage in one build.

    Attributes:
        store: Where they are kept.
        name: Name of the stage.
        retry_failed: Whether failed items are to be done again.
        before: Entries of earlier builds, by item.
        outcomes: Entries of this build, by item; those of earlier builds that still hold are among them.
    """

    def __init__(self, store: GraphStore, name: str, retry_failed: bool = False) -> None:
        self.store = store
        self.name = name
        self.retry_failed = retry_failed
        self.before = {entry.item: entry for entry in store.journal(name)}
        self.outcomes: dict[str, JournalEntry] = {}

    def finished(self, item: str, key: str, has_rows: bool = True) -> bool:
        """Whether an item needs no more work; if so, its old outcome stands.

        Args:
            item: Id of the item.
            key: Digest of everything that its outcome depends on now.
            has_rows: Whether the rows of a done item are still in the store.
        """
        entry = self.before.get(item)
        if entry is None or entry.key != key:
            return False
        # Rows can be missing though the item is done: a document that left the corpus took them with it and has come
        # back unchanged.
        if (entry.status == "done" and not has_rows) or (entry.status == "failed" and self.retry_failed):
            return False
        self.outcomes[item] = entry
        return True

    def done(
        self,
        item: str,
        key: str,
        rows: Iterable[Row] = (),
        usage: Usage = _FREE,
        seconds: float = 0.0,
        notice: str = "",
    ) -> None:
        """Record an item as done, in one transaction with its rows; a notice says what to know about it."""
        notice = notice or (ESTIMATED if usage.estimated else "")
        entry = JournalEntry(self.name, item, key, "done", notice, usage.tokens_in, usage.tokens_out, seconds)
        with self.store.transaction():
            self.store.put(rows)
            self._mark(entry)

    def failed(self, item: str, key: str, error: BaseException | str) -> None:
        """Record why an item failed, and what the unusable reply of a model cost."""
        reason = redact(error) if isinstance(error, str) else describe_error(error)
        wasted = (error.tokens_in, error.tokens_out) if isinstance(error, OutputError) else (0, 0)
        self._mark(JournalEntry(self.name, item, key, "failed", reason, *wasted))

    def skipped(self, item: str, key: str, reason: str) -> None:
        """Record why an item was left out."""
        self._mark(JournalEntry(self.name, item, key, "skipped", reason))

    def keep(self, stays: Callable[[str], bool] = lambda item: True) -> None:
        """Keep the outcomes of earlier builds, of the items that stay."""
        self.outcomes |= {
            item: entry
            for item, entry in self.before.items()
            if item not in self.outcomes and entry.reason != GONE and stays(item)
        }

    def forget_others(self) -> None:
        """Record the items that earlier builds knew and this one doesn't as gone."""
        # An entry and not its removal: `graft delete --erase` finds a deleted source by it. Without a key, the item is
        # done again if it comes back.
        gone = sorted(self.before.keys() - self.outcomes.keys())
        entries = [JournalEntry(self.name, item, "", "skipped", GONE) for item in gone]
        self.store.mark(entry for entry in entries if self.before[entry.item] != entry)

    def failures(self) -> list[FailedItem]:
        """The failed items, by item."""
        failed = (entry for _, entry in sorted(self.outcomes.items()) if entry.status == "failed")
        return [FailedItem(entry.stage, entry.item, entry.reason) for entry in failed]

    def skips(self) -> list[ItemNote]:
        """The items that were left out, by item."""
        return self._notes("skipped")

    def notices(self) -> list[ItemNote]:
        """What to know about items that are done, by item; that their tokens are estimates goes with the tokens."""
        return [note for note in self._notes("done") if note.reason != ESTIMATED]

    def counts(self) -> ItemCounts:
        """How many items ended in which way."""
        ended = Counter(entry.status for entry in self.outcomes.values())
        return ItemCounts.of(ended["done"], ended["failed"], ended["skipped"])

    def _notes(self, status: str) -> list[ItemNote]:
        entries = (entry for _, entry in sorted(self.outcomes.items()) if entry.status == status and entry.reason)
        return [ItemNote(entry.stage, entry.item, entry.reason) for entry in entries]

    def _mark(self, entry: JournalEntry) -> None:
        self.outcomes[entry.item] = entry
        self.store.mark([entry])
