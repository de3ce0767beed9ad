"""Deleting documents from all layers: graph, index arrays and, to erase them, records, runs and adapters.

What concerns the knowledge base alone is in `kg.changes.delete` and `kg.erasure.erase`; here is the order in which the
layers take part, which lets the command be killed at any time and run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from kg.erasure.erase import ResidualData
    from kg.summary import IndexSummary
    from kg.workspace import Workspace
    from models.protocols import Encoder


@dataclass(frozen=True, slots=True)
class ErasedTraces:
    """What is erased with the documents, beside the graph that was made of them.

    Attributes:
        calls: Number of recorded calls that hold their text.
        notes: Number of reports and descriptions that may have been written from them.
        rulings: Number of decisions about names that only they contain.
        adapters: Adapters that were trained on them: marked, so that they are refused from now on.
        runs: Runs that quote them; kept unless their deletion is requested.
        files: Other files that quote them; kept.
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
        sources: Sources that are removed.
        erased: Traces that are erased; None where the documents are only deleted.
        summary: State of the knowledge base after the deletion; None where nothing was changed.
    """

    sources: tuple[str, ...]
    erased: ErasedTraces | None = None
    summary: IndexSummary | None = None


def plan_removal(space: Workspace, patterns: Sequence[str], erase: bool) -> Removal:
    """What `remove` would do; nothing is changed."""
    from kg.changes.delete import named
    from kg.erasure.erase import find_residual_data

    sources = named(space.store, patterns, gone_too=erase)
    return Removal(tuple(sources), _traces(space, find_residual_data(space, sources)) if erase else None)


def remove(
    space: Workspace,
    patterns: Sequence[str],
    encoder: Encoder,
    erase: bool = False,
    runs: bool = False,
    progress: Progress = SILENT,
) -> Removal:
    """Remove documents by the names of their sources.

    Args:
        space: The workspace; changed under its write lock.
        patterns: Names of sources, or patterns such as "2031/*".
        encoder: The workspace's encoder.
        erase: Whether no byte of them may stay in the workspace.
        runs: Whether the runs that quote them are deleted as well; only where `erase` is true.
        progress: Where progress is shown.
    Raises:
        InputError: A pattern matches no source; nothing is changed.
        StoreError: Another process writes, or keeps an older state open.
    """
    from kg.build import BuildModels
    from kg.changes.delete import delete, named
    from kg.erasure.erase import erase_residual_data, find_residual_data, forget
    from kg.language.sentences import RuleSentences
    from retrieval.index.arrays import sweep
    from retrieval.index.graph_index import GraphIndex
    from training.runs.adapter import flag_erased

    traces = None
    with space.writing():
        sources = named(space.store, patterns, gone_too=erase)
        if erase:
            # Traces are found by the documents' rows, so they go first: killed here, the command finds them again.
            residual = find_residual_data(space, sources)
            traces = _traces(space, residual)
            erase_residual_data(space, residual, runs)
            flag_erased(space.adapters_dir, residual.ids)
        changes = delete(space, sources, BuildModels(None, encoder, RuleSentences()), progress)
        GraphIndex.of(space, encoder, progress)
        if erase:
            # Old arrays hold text too. The names of the sources are forgotten last: until then a second start can
            # still look for what is left of them.
            sweep(space.index_dir, abandoned_s=0)
            forget(space.store, sources)
    return Removal(tuple(sources), traces, changes.summary)


def _traces(space: Workspace, residual: ResidualData) -> ErasedTraces:
    from training.runs.adapter import trained_on

    return ErasedTraces(
        calls=len(residual.calls),
        notes=len(residual.notes),
        rulings=len(residual.rulings),
        adapters=tuple(folder.name for folder in trained_on(space.adapters_dir, residual.ids)),
        runs=residual.runs,
        files=residual.files,
    )
