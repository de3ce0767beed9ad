"""Documents to a knowledge base: what `graft index`, `update`, `delete` and `schema` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.opening import PathLike, Spending, find_workspace, session
from models.errors import ConfigError, InputError
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from app.removal import Removal
    from kg.changes.update import Changes, Given
    from kg.config import IndexConfig
    from kg.extraction.learn_schema import Learnt
    from kg.summary import IndexSummary


def index(
    folder: PathLike,
    workspace: PathLike,
    *,
    extractor: str = "qwen-1.5b",
    encoder: str = "minilm",
    facts: PathLike | None = None,
    spending: Spending | None = None,
    **settings: Any,
) -> IndexSummary:
    """Build, or bring up to date, the knowledge base of a folder of documents.

    Args:
        folder: A file or folder of txt, md, html, JSONL, CSV, pdf.
        workspace: Folder of the knowledge base; made if missing.
        extractor: Chat model that reads facts, "nlp" to parse, "import" for `facts`, "none" for passages alone.
        encoder: Encoder of passages and names.
        facts: File of facts to import.
        spending: Budget and progress.
        **settings: Further fields of `kg.config.IndexConfig`.
    Returns:
        Counts, failures and cost.
    Raises:
        InputError: No document could be read.
        ModelError: The extractor cannot be reached.
        BudgetReached: The budget is used up; the same call goes on.
    """
    from kg.config import IndexConfig

    config = _changed(IndexConfig(), {"extractor": extractor, "encoder": encoder, **settings})
    return index_with(config, Path(folder), Path(workspace), spending or Spending(), Path(facts) if facts else None)


def index_config(workspace: Path, file: Path | None = None, **given: Any) -> IndexConfig:
    """The settings to index with: those given, else the file's, else the workspace's own, else the defaults.

    Raises:
        ConfigError: The file or a setting cannot be used.
    """
    from kg.config import IndexConfig
    from kg.workspace import CONFIG

    known = workspace / CONFIG
    base = IndexConfig.read(file or known) if file or known.is_file() else IndexConfig()
    return _changed(base, {name: value for name, value in given.items() if value is not None})


def _changed(base: IndexConfig, given: Mapping[str, Any]) -> IndexConfig:
    """The settings with some of them changed, and checked."""
    from pydantic import ValidationError

    from models.errors import describe

    try:
        return base.model_validate({**base.model_dump(), **given})
    except ValidationError as error:
        raise ConfigError(f"These settings cannot be used: {describe(error)}. Correct them.") from error


def learn_schema(
    folder: PathLike, *, extractor: str = "nlp", sample: int = 20, most: int = 30, progress: Progress = SILENT
) -> Learnt:
    """Count the kinds and relations that an extractor finds in a sample of documents; nothing is kept.

    Raises:
        InputError: No document can be read.
        ModelError: The extractor cannot be reached.
    """
    from kg.config import IndexConfig
    from kg.documents.load import load
    from kg.extraction.learn_schema import learn
    from kg.extraction.registry import WITHOUT_CHAT, open_extractor
    from kg.language.sentences import RuleSentences
    from models.factory import open_chat

    config, sentences = _changed(IndexConfig(), {"extractor": extractor}), RuleSentences()
    documents = [document for loaded in load(Path(folder)) for document in loaded.documents]
    if not documents:
        raise InputError(f"no document in {folder} can be read: name a folder of txt, md, html, JSONL, CSV or pdf")
    opened = nullcontext(None) if extractor in WITHOUT_CHAT else closing(open_chat(extractor, progress=progress))
    with opened as chat:
        reads = open_extractor(config, chat, sentences)
        if reads is None:
            raise ConfigError('the extractor "none" finds nothing to learn from: use "nlp" or a chat model')
        return learn(documents, reads, sentences, sample, most, config.chunk_tokens, progress)


def plan_index(config: IndexConfig, folder: Path, workspace: Path) -> dict[str, Any]:
    """What `index_with` would cost: calls, tokens, seconds, dollars; nothing is spent."""
    from eval.plan import plan_corpus

    return plan_corpus(config, folder, workspace)


def index_with(
    config: IndexConfig, folder: Path, workspace: Path, spending: Spending, facts: Path | None = None
) -> IndexSummary:
    """`index` with a ready configuration: the graph first, then the arrays that retrieval reads."""
    from kg.documents.load import list_sources
    from kg.indexing import index_folder
    from kg.session import open_session
    from models.factory import open_encoder
    from retrieval.index.graph_index import GraphIndex

    list_sources(folder)  # nothing is created for a folder that cannot be read
    encoder = open_encoder(config.encoder, spending.progress)
    with open_session(workspace, config, spending.budget(), spending.progress, spending.retry_failed) as paid:
        summary = index_folder(paid, folder, encoder, facts)
        space = paid.workspace
        GraphIndex.of(space, encoder, spending.progress)
    return summary


def update(
    paths: PathLike | Sequence[PathLike],
    workspace: PathLike | None = None,
    *,
    root: PathLike | None = None,
    facts: PathLike | None = None,
    spending: Spending | None = None,
) -> Changes:
    """Read new and changed documents into a knowledge base; documents of all other sources stay.

    Args:
        paths: A file or folder, or several.
        workspace: The knowledge base.
        root: Folder that sources are named relative to; None finds the one that was indexed.
        facts: File of facts to import, where that is the extractor.
        spending: Budget and progress.
    Raises:
        InputError: A path does not exist, or holds nothing that can be read.
        ModelError: The extractor cannot be reached.
        BudgetReached: The budget is used up; the same call goes on.
    """
    from kg.indexing import update_sources
    from kg.workspace import Workspace
    from models.factory import open_encoder
    from retrieval.index.graph_index import GraphIndex

    spending = spending or Spending()
    with Workspace.open(find_workspace(workspace)) as space, session(space, spending) as paid:
        encoder = open_encoder(space.config.encoder, spending.progress)
        changes = update_sources(paid, _given(paths, root), encoder, Path(facts) if facts else None)
        GraphIndex.of(space, encoder, spending.progress)
    return changes


def plan_update(
    paths: PathLike | Sequence[PathLike], workspace: PathLike | None = None, root: PathLike | None = None
) -> dict[str, Any]:
    """What `update` would cost: calls, tokens, seconds, dollars; nothing is spent."""
    from eval.plan import plan_documents
    from kg.changes.update import load_given
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        loaded = load_given(space.store, _given(paths, root))
        return plan_documents(space.config, [row for source in loaded for row in source.documents], space.path)


def _given(paths: PathLike | Sequence[PathLike], root: PathLike | None) -> Given:
    from kg.changes.update import Given

    several = [paths] if isinstance(paths, str | Path) else paths
    return Given(tuple(Path(path) for path in several), Path(root) if root else None)


def delete(
    sources: str | Sequence[str],
    workspace: PathLike | None = None,
    *,
    erase: bool = False,
    runs: bool = False,
    progress: Progress = SILENT,
) -> Removal:
    """Remove documents from a knowledge base; no chat model is asked. See `app.removal.remove`.

    Args:
        sources: Names or patterns, such as "2031/*".
        workspace: The knowledge base.
        erase: Leave no byte of them in it, and flag the adapters that were trained on them.
        runs: Remove the runs that quote them, too.
        progress: Where progress is drawn.
    Raises:
        InputError: There is no such source.
    """
    from app.removal import remove
    from kg.workspace import Workspace
    from models.factory import open_encoder

    with Workspace.open(find_workspace(workspace)) as space:
        encoder = open_encoder(space.config.encoder, progress)
        return remove(space, [sources] if isinstance(sources, str) else sources, encoder, erase, runs, progress)


def plan_delete(sources: str | Sequence[str], workspace: PathLike | None = None, *, erase: bool = False) -> Removal:
    """What `delete` would remove; nothing is changed."""
    from app.removal import plan_removal
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        return plan_removal(space, [sources] if isinstance(sources, str) else sources, erase)
