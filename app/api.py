"""What the command line does, as a few typed functions for notebooks and scripts.

    from app.api import ask, index
    summary = index("articles/", "kb", extractor="qwen-1.5b")
    answer = ask("Who leads Orrin Dynamics?", "kb")
    print(answer.text, [citation.source for citation in answer.citations])

Each function opens what it needs and closes it again; nothing is kept between calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ConfigError
from models.progress import SILENT, Progress

if TYPE_CHECKING:
    from eval.results import RunResult
    from kg.build import IndexSummary
    from kg.workspace import Workspace
    from models.protocols import Encoder
    from models.records import Budget
    from retrieval.answer import Answer
    from retrieval.index import GraphIndex
    from retrieval.types import Retrieved

PathLike = str | Path


@dataclass(frozen=True, slots=True)
class Spending:
    """What a call may spend and how it reports: shared by every function here.

    Attributes:
        max_calls: Most model calls, None for no limit.
        max_usd: Most money, None for no limit.
        retry_failed: Try items again that failed in an earlier run.
        progress: Where progress is drawn.
    """

    max_calls: int | None = None
    max_usd: float | None = None
    retry_failed: bool = False
    progress: Progress = SILENT

    def budget(self) -> Budget:
        """The budget as the model wrappers take it."""
        from models.records import Budget

        return Budget(max_calls=self.max_calls, max_usd=self.max_usd)


def find_workspace(given: PathLike | None = None) -> Path:
    """The workspace meant: the one given, or the only one here or under ./workspaces.

    Raises:
        ConfigError: None was given and none, or several, were found.
    """
    if given:
        return Path(given)
    found = [Path()] if Path("graft.yaml").is_file() else []
    found += sorted(path.parent for path in Path("workspaces").glob("*/graft.yaml"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(path) for path in found) or "none"
    raise ConfigError(
        f"Expected one workspace here or under ./workspaces, found {names}. Name one with --workspace DIR, "
        "or build one: graft index FOLDER --workspace DIR."
    )


def index(
    folder: PathLike,
    workspace: PathLike,
    *,
    extractor: str = "qwen-1.5b",
    encoder: str = "minilm",
    spending: Spending | None = None,
    **settings: Any,
) -> IndexSummary:
    """Build, or bring up to date, the knowledge base of a folder of documents.

    Args:
        folder: A file or folder of txt, md, html, JSONL, CSV, pdf.
        workspace: Folder of the knowledge base; made if missing.
        extractor: Chat model that reads facts, or "none" for passages alone.
        encoder: Encoder of passages and names.
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

    config = IndexConfig(extractor=extractor, encoder=encoder, **settings)
    return index_with(config, Path(folder), Path(workspace), spending or Spending())


def index_with(config: IndexConfig, folder: Path, workspace: Path, spending: Spending) -> IndexSummary:
    """`index` with a ready configuration."""
    from kg.pipeline import index_folder

    return index_folder(config, folder, workspace, spending)


@contextmanager
def opened(workspace: PathLike | None, progress: Progress) -> Iterator[tuple[Workspace, Encoder, GraphIndex]]:
    """Open a workspace with its encoder and its read side."""
    from kg.workspace import Workspace
    from models.factory import open_encoder
    from retrieval.index import GraphIndex

    with ExitStack() as stack:
        space = stack.enter_context(Workspace.open(find_workspace(workspace)))
        encoder = open_encoder(space.config.encoder, progress)
        yield space, encoder, GraphIndex.open(space.store, space.index_dir, encoder, progress)
