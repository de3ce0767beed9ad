"""Documents to a knowledge base: what `graft index`, `update`, `delete` and `schema` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.opening import PathLike, Spending, find_workspace, session
from models.errors import ConfigError, InputError, describe_problems
from models.files.fields import known_fields
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from app.removal import Removal
    from kg.changes.update import ChangeSummary, UpdateRequest
    from kg.config import IndexConfig
    from kg.extraction.learn_schema import InducedSchema
    from kg.summary import IndexSummary


def index(
    folder: PathLike,
    workspace: PathLike,
    *,
    extractor: str = "qwen-1.5b",
    encoder: str = "minilm",
    facts: PathLike | None = None,
    encoding: str = "",
    spending: Spending | None = None,
    **settings: Any,
) -> IndexSummary:
    """Build the knowledge base of a folder of documents, or bring it up to date.

    Args:
        folder: A file or folder of txt, md, html, JSON, JSONL, CSV, TSV, pdf and the other formats of
            `kg.documents.readers`.
        workspace: Folder of the knowledge base; created if it does not exist.
        extractor: What extracts facts: the name of a chat model, "nlp" for a parser, "import" for the file `facts`, or
            "none" for a knowledge base of passages only.
        encoder: Embedding model of passages, names and facts.
        facts: File of facts for the extractor "import".
        encoding: Encoding of the files of text, such as "cp1250"; "" to detect it.
        spending: Budget and progress; the default has no limit.
        **settings: Further fields of `kg.config.IndexConfig`, such as `chunk_tokens=80`.
    Returns:
        Counts of what the knowledge base holds, how every file and row ended, and what this call cost.
    Raises:
        InputError: No document can be read.
        ConfigError: A setting is wrong, or differs from those of the existing knowledge base.
        ModelError: The extractor cannot be reached.
        BudgetError: The budget is used up; the same call resumes.

    Example:
        ```python
        summary = index("articles/", "kb", extractor="nlp")
        print(summary.entities, summary.facts)
        ```
    """
    from kg.config import IndexConfig

    config = _overridden(IndexConfig(), {"extractor": extractor, "encoder": encoder, "encoding": encoding, **settings})
    return index_with(config, Path(folder), Path(workspace), spending or Spending(), Path(facts) if facts else None)


def index_config(workspace: Path, file: Path | None = None, **overrides: Any) -> IndexConfig:
    """The settings to index with.

    Args:
        workspace: Folder of the knowledge base, whose own settings count if there is no file.
        file: YAML file of settings; None for the workspace's own, or the defaults where there is no workspace yet.
        **overrides: Fields of `kg.config.IndexConfig` that take precedence; None leaves a field as it is.
    Raises:
        ConfigError: The file or a setting cannot be used.

    Example:
        ```python
        config = index_config(Path("kb"), extractor="nlp", chunk_tokens=80)
        ```
    """
    from kg.config import IndexConfig
    from kg.workspace import CONFIG

    stored = workspace / CONFIG
    base = IndexConfig.read(file or stored) if file or stored.is_file() else IndexConfig()
    return _overridden(base, {name: value for name, value in overrides.items() if value is not None})


def _overridden(base: IndexConfig, overrides: Mapping[str, Any]) -> IndexConfig:
    """The settings with some of them replaced, validated."""
    from pydantic import ValidationError

    try:
        return base.model_validate({**base.model_dump(), **overrides})
    except ValidationError as error:
        problems = describe_problems(error, "settings", partial(known_fields, type(base)))
        raise ConfigError(f"These settings cannot be used: {problems}. Correct them.") from error


def learn_schema(
    folder: PathLike,
    *,
    extractor: str = "nlp",
    sample: int = 20,
    limit: int = 30,
    encoding: str = "",
    progress: Progress = SILENT,
) -> InducedSchema:
    """Count the entity types and relations that an extractor finds in a sample of documents. Nothing is stored.

    Args:
        folder: A file or folder of documents.
        extractor: The name of a chat model, or "nlp" for a parser.
        sample: Number of documents to sample.
        limit: Maximum number of entity types, and of relations, to return.
        encoding: Encoding of the files of text, such as "cp1250"; "" to detect it.
        progress: Where progress is shown.
    Returns:
        Entity types and relations with their counts, the most frequent first, and how the files ended.
    Raises:
        InputError: No document can be read.
        ConfigError: The extractor does not exist, or is "none".
        ModelError: The extractor cannot be reached.

    Example:
        ```python
        print(learn_schema("articles/", sample=5).relations)
        ```
    """
    from kg.config import IndexConfig
    from kg.documents.load import load, load_account
    from kg.documents.readers import READERS
    from kg.extraction.learn_schema import induce_schema
    from kg.extraction.registry import WITHOUT_CHAT, open_extractor
    from kg.language.sentences import RuleSentences
    from models.factory import open_chat

    config, sentences = _overridden(IndexConfig(), {"extractor": extractor, "encoding": encoding}), RuleSentences()
    files = list(load(Path(folder), config.encoding))
    documents = [document for file in files for document in file.documents]
    if not documents:
        raise InputError(f"No document in {folder} can be read. Expected files of type {', '.join(READERS)}.")
    opening = nullcontext(None) if extractor in WITHOUT_CHAT else closing(open_chat(extractor, progress=progress))
    with opening as chat:
        opened = open_extractor(config, chat, sentences)
        if opened is None:
            raise ConfigError('The extractor "none" finds no facts to learn from. Use "nlp" or a chat model.')
        learned = induce_schema(documents, opened, sentences, sample, limit, config.chunk_tokens, progress)
    return replace(learned, files=load_account(files))


def plan_index(config: IndexConfig, folder: Path, workspace: Path) -> dict[str, Any]:
    """Estimate what `index_with` would cost. No model is called.

    Args:
        config: The settings, as `index_config` returns them.
        folder: A file or folder of documents.
        workspace: Folder of the knowledge base; what it has extracted already is not counted.
    Returns:
        Documents, passages, calls, tokens_in, tokens_out, seconds and usd (US dollars), by name; and under "counts",
        "failures", "skips" and "notices" how the files can be read.
    Raises:
        InputError: No document can be read.

    Example:
        ```python
        plan_index(index_config(Path("kb")), Path("articles"), Path("kb"))["usd"]
        ```
    """
    from eval.plan import plan_corpus

    return plan_corpus(config, folder, workspace)


def index_with(
    config: IndexConfig, folder: Path, workspace: Path, spending: Spending, facts: Path | None = None
) -> IndexSummary:
    """Build a knowledge base as `index` does, with a ready configuration.

    Args:
        config: The settings, as `index_config` returns them.
        folder: A file or folder of documents.
        workspace: Folder of the knowledge base; created if it does not exist.
        spending: Budget and progress.
        facts: File of facts for the extractor "import".
    Returns:
        Counts of what the knowledge base holds, the items that failed, and what this call cost.
    Raises:
        InputError: No document can be read.
        ConfigError: The settings differ from those of the existing knowledge base.
        ModelError: The extractor cannot be reached.
        BudgetError: The budget is used up; the same call resumes.

    Example:
        ```python
        index_with(index_config(Path("kb"), extractor="nlp"), Path("articles"), Path("kb"), Spending())
        ```
    """
    from kg.documents.load import list_sources
    from kg.extraction.registry import check_extractor
    from kg.indexing import index_folder
    from kg.session import open_session
    from models.factory import open_encoder
    from retrieval.index.graph_index import GraphIndex

    # All raise before anything is created: a workspace keeps its settings, and would refuse the corrected ones.
    list_sources(folder)
    check_extractor(config.extractor, facts)
    encoder = open_encoder(config.encoder, spending.progress)
    with open_session(workspace, config, spending.budget(), spending.progress, spending.retry_failed) as paid:
        summary = index_folder(paid, folder, encoder, facts)
        # The arrays are built now, so that the first question need not wait for them.
        GraphIndex.of(paid.workspace, encoder, spending.progress)
    return summary


def update(
    paths: PathLike | Sequence[PathLike],
    workspace: PathLike | None = None,
    *,
    root: PathLike | None = None,
    facts: PathLike | None = None,
    encoding: str | None = None,
    spending: Spending | None = None,
) -> ChangeSummary:
    """Add new and changed documents to a knowledge base. Documents from all other sources stay.

    Args:
        paths: A file or folder, or several.
        workspace: Folder of the knowledge base; None finds the only one (see `app.opening.find_workspace`).
        root: Folder that the names of sources are relative to; None finds the one that was indexed.
        facts: File of facts for the extractor "import".
        encoding: Encoding of the files of text; refused unless it is that of the workspace, so that an update reads as
            a rebuild would. None for that of the workspace.
        spending: Budget and progress; the default has no limit.
    Returns:
        The sources added and changed, and the state of the knowledge base.
    Raises:
        InputError: A path does not exist, or holds nothing that can be read.
        ConfigError: The workspace does not exist, or two files would have one name.
        ModelError: The extractor cannot be reached.
        BudgetError: The budget is used up; the same call resumes.

    Example:
        ```python
        changes = update("articles/2031-05.md", "kb")
        print(changes.added, changes.changed)
        ```
    """
    from kg.indexing import update_sources
    from kg.workspace import Workspace
    from models.factory import open_encoder
    from retrieval.index.graph_index import GraphIndex

    spending = spending or Spending()
    with Workspace.open(find_workspace(workspace)) as space, session(space, spending) as paid:
        encoder = open_encoder(space.config.encoder, spending.progress)
        changes = update_sources(paid, _request(paths, root, encoding), encoder, Path(facts) if facts else None)
        GraphIndex.of(space, encoder, spending.progress)
    return changes


def plan_update(
    paths: PathLike | Sequence[PathLike],
    workspace: PathLike | None = None,
    root: PathLike | None = None,
    encoding: str | None = None,
) -> dict[str, Any]:
    """Estimate what `update` would cost. No model is called.

    Args:
        paths: A file or folder, or several.
        workspace: Folder of the knowledge base; None finds the only one.
        root: Folder that the names of sources are relative to; None finds the one that was indexed.
        encoding: Encoding of the files of text, as `update` takes it.
    Returns:
        Documents, passages, calls, tokens_in, tokens_out, seconds and usd (US dollars), by name; and under "counts",
        "failures", "skips" and "notices" how the files can be read.
    Raises:
        InputError: A path does not exist, or holds nothing that can be read.
        ConfigError: The workspace does not exist.

    Example:
        ```python
        plan_update("articles/2031-05.md", "kb")["calls"]
        ```
    """
    from eval.plan import plan_files
    from kg.changes.update import load_requested
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        return plan_files(space.config, load_requested(space, _request(paths, root, encoding)), space.path)


def _request(paths: PathLike | Sequence[PathLike], root: PathLike | None, encoding: str | None) -> UpdateRequest:
    from kg.changes.update import UpdateRequest
    from models.files.encodings import codec_named

    codec = codec_named(encoding) if encoding else encoding
    several = [paths] if isinstance(paths, str | Path) else paths
    return UpdateRequest(tuple(map(Path, several)), Path(root) if root else None, codec)


def delete(
    sources: str | Sequence[str],
    workspace: PathLike | None = None,
    *,
    erase: bool = False,
    runs: bool = False,
    progress: Progress = SILENT,
) -> Removal:
    """Remove documents from a knowledge base. No chat model is called.

    Args:
        sources: Names of sources, or patterns such as "2031/*".
        workspace: Folder of the knowledge base; None finds the only one (see `app.opening.find_workspace`).
        erase: Whether recorded calls, reports and descriptions that hold their text are deleted as well, and adapters
            that were trained on them marked as unusable.
        runs: Whether the runs that quote them are deleted as well; only where `erase` is true.
        progress: Where progress is shown.
    Returns:
        The sources that were removed, the traces that were erased, and the state of the knowledge base.
    Raises:
        InputError: A name or pattern matches no source.
        ConfigError: The workspace does not exist.
        StoreError: Another process writes to the workspace.

    Example:
        ```python
        delete("2031/*", "kb", erase=True)
        ```
    """
    from app.removal import remove
    from kg.workspace import Workspace
    from models.factory import open_encoder

    with Workspace.open(find_workspace(workspace)) as space:
        encoder = open_encoder(space.config.encoder, progress)
        return remove(space, _patterns(sources), encoder, erase, runs, progress)


def plan_delete(sources: str | Sequence[str], workspace: PathLike | None = None, *, erase: bool = False) -> Removal:
    """Find what `delete` would remove. Nothing is changed.

    Args:
        sources: Names of sources, or patterns such as "2031/*".
        workspace: Folder of the knowledge base; None finds the only one.
        erase: Whether the traces that would be erased are listed as well.
    Returns:
        The sources, and the traces where `erase` is true.
    Raises:
        InputError: A name or pattern matches no source.
        ConfigError: The workspace does not exist.

    Example:
        ```python
        print(plan_delete("2031/*", "kb").sources)
        ```
    """
    from app.removal import plan_removal
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        return plan_removal(space, _patterns(sources), erase)


def _patterns(sources: str | Sequence[str]) -> Sequence[str]:
    return [sources] if isinstance(sources, str) else sources
