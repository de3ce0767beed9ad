"""Deleting documents over all layers: graph, arrays of retrieval, and, to erase them, records, runs and adapters.

What belongs to the knowledge base alone is in `kg.changes.update` and `kg.erasure.erase`; here is the order in which
the layers take part, so that the command can be killed anywhere and run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from kg.erasure.erase import Remains
    from kg.summary import IndexSummary
    from kg.workspace import Workspace
    from models.protocols import Encoder


@dataclass(frozen=True, slots=True)
class Erased:
    """What went, or would go, with the documents, beside what was made of them.

    Attributes:
        calls: Recorded calls that held their text.
        notes: Reports and descriptions that may have been written from them.
        rulings: Decisions about names that only they gave.
        adapters: Trained on them: flagged, so that they are refused from now on.
        runs: Runs that quote them; they stay unless they were to be removed.
        files: Other files that quote them; they stay.
    """

    calls: int
    notes: int
    rulings: int
    adapters: tuple[str, ...]
    runs: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """What a deletion did, or would do.

    Attributes:
        sources: That are removed.
        erased: What else went, where they were to be erased.
        summary: What the knowledge base holds now; None where nothing was changed.
    """

    sources: tuple[str, ...]
    erased: Erased | None = None
    summary: IndexSummary | None = None


def plan_removal(space: Workspace, patterns: Sequence[str], erase: bool) -> Removal:
    """What `remove` would do; nothing is changed."""
    from kg.changes.delete import named
    from kg.erasure.erase import find_remains

    sources = named(space.store, patterns, gone_too=erase)
    return Removal(tuple(sources), _erased(space, find_remains(space, sources)) if erase else None)


def remove(
    space: Workspace,
    patterns: Sequence[str],
    encoder: Encoder,
    erase: bool = False,
    runs: bool = False,
    progress: Progress = SILENT,
) -> Removal:
    """Remove documents by their sources.

    Args:
        space: Where from; changed under its write lock.
        patterns: Names of sources, or patterns such as "2031/*".
        encoder: The workspace's.
        erase: Leave no byte of them in it.
        runs: Remove the runs that quote them too, where they are erased.
        progress: Who is told.
    Raises:
        InputError: A pattern names no source; nothing is changed.
        StoreError: Another process writes, or keeps an older state open.
    """
    from kg.build import BuildModels
    from kg.changes.delete import delete, named
    from kg.erasure.erase import erase_remains, find_remains, forget
    from kg.language.sentences import RuleSentences
    from retrieval.index.arrays import sweep
    from retrieval.index.graph_index import GraphIndex
    from training.runs.adapter import flag_erased

    erased = None
    with space.writing():
        sources = named(space.store, patterns, gone_too=erase)
        if erase:
            remains = find_remains(space, sources)
            erased = _erased(space, remains)
            erase_remains(space, remains, runs)
            flag_erased(space.adapters_dir, remains.ids)
        changes = delete(space, sources, BuildModels(None, encoder, RuleSentences()), progress)
        GraphIndex.of(space, encoder, progress)
        if erase:
            sweep(space.index_dir, abandoned_s=0)
            forget(space.store, sources)
    return Removal(tuple(sources), erased, changes.summary)


def _erased(space: Workspace, remains: Remains) -> Erased:
    from training.runs.adapter import trained_on

    return Erased(
        calls=len(remains.calls),
        notes=len(remains.notes),
        rulings=len(remains.rulings),
        adapters=tuple(folder.name for folder in trained_on(space.adapters_dir, remains.ids)),
        runs=remains.runs,
        files=remains.files,
    )
