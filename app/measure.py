"""Extractors held against gold, as typed functions: what `graft eval extraction` and `graft eval mine` call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.api import index_config
from app.opening import PathLike, Spending, session
from models.errors import ConfigError

if TYPE_CHECKING:
    from eval.extraction.curve import Point
    from eval.extraction.document_graph import Built
    from eval.extraction.gold_triples import GoldDocument
    from eval.extraction.relation_match import RelationMatch


def measure_documents(
    documents: Sequence[tuple[str, str]],
    file: Path,
    workspace: PathLike | None,
    config_file: Path | None,
    given: Mapping[str, Any],
    spending: Spending,
    curved: bool = False,
) -> Built:
    """Index the documents of a measured set, each to be looked at alone.

    Args:
        documents: Title and text of each.
        file: The set; names the folder in the cache where no workspace is given.
        workspace: Where the graph is built and kept.
        config_file: Index settings, None for the shipped ones.
        given: Settings that overrule the file's.
        spending: Budget and progress.
        curved: Whether `measure_curve` is to follow, which wants a chat model.
    Raises:
        ConfigError: The extractor is none.
    """
    from eval.extraction.document_graph import build
    from kg.extraction.registry import WITHOUT_CHAT
    from kg.session import open_session
    from models.files.digest import digest
    from models.files.paths import cache_dir

    kept = {name: value for name, value in given.items() if value is not None}
    cache = cache_dir() / "measures"
    config = index_config(Path(workspace) if workspace else cache, config_file, **kept)
    if curved and config.extractor in WITHOUT_CHAT:
        raise ConfigError(f"--curve is of a chat model's answers, and {config.extractor!r} is none: leave it out")
    named = digest(str(file.resolve()), config.model_dump(mode="json"))
    folder = Path(workspace) if workspace else cache / f"{file.stem}-{named[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open_session(folder, config, spending.budget(), spending.progress, spending.retry_failed) as paid:
        return build(documents, paid)


def measure_curve(
    workspace: Path, documents: Sequence[GoldDocument], relations: RelationMatch, spending: Spending
) -> list[Point]:
    """Facts against tokens of a workspace that a chat model read, from the answers on record; no call is made."""
    from eval.extraction.curve import curve
    from eval.extraction.document_graph import passages_by_document
    from kg.extraction.chat import ChatExtractor
    from kg.extraction.registry import open_extractor
    from kg.language.sentences import RuleSentences
    from kg.workspace import Workspace

    with (
        Workspace.open(workspace) as space,
        session(space, Spending(max_calls=0, progress=spending.progress)) as paid,
        paid.open_chat(space.config.extractor) as chat,
    ):
        reads = open_extractor(space.config, chat, RuleSentences())
        assert isinstance(reads, ChatExtractor)
        return curve(documents, passages_by_document(space), reads, relations)
