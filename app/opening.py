"""What every function of `app` begins with: finding a workspace, opening it, and what may be spent in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ConfigError
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from kg.session import Session
    from kg.workspace import Workspace
    from models.calls.budget import Budget
    from models.protocols import Encoder
    from retrieval.index.graph_index import GraphIndex

PathLike = str | Path


@dataclass(frozen=True, slots=True)
class Spending:
    """What a function may spend on model calls, and how it reports progress.

    Attributes:
        max_calls: Maximum number of model calls; None for no limit. Recorded calls are free.
        max_usd: Maximum cost of model calls in US dollars; None for no limit.
        retry_failed: Whether items that failed in an earlier run are tried again.
        progress: Where progress is shown.

    Example:
        ```python
        from app.progress import open_progress

        index("articles/", "kb", spending=Spending(max_usd=2.0, progress=open_progress()))
        ```
    """

    max_calls: int | None = None
    max_usd: float | None = None
    retry_failed: bool = False
    progress: Progress = SILENT

    def budget(self) -> Budget:
        """A new budget of these limits, for one run."""
        from models.calls.budget import Budget

        return Budget(max_calls=self.max_calls, max_usd=self.max_usd)


def find_workspace(workspace: PathLike | None = None) -> Path:
    """The folder of a knowledge base.

    Args:
        workspace: Its folder; None finds the only one in the current folder or under ./workspaces.
    Returns:
        The folder, which holds a graft.yaml.
    Raises:
        ConfigError: The folder is no workspace; or none is named, and none or several are found.
    """
    if workspace:
        return _existing(Path(workspace))
    candidates = [Path()] if Path("graft.yaml").is_file() else []
    candidates += sorted(path.parent for path in Path("workspaces").glob("*/graft.yaml"))
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(map(str, candidates)) or "none"
    raise ConfigError(
        f"Expected one workspace here or under ./workspaces, found {names}. Name one with --workspace DIR, "
        "or build one: graft index FOLDER --workspace DIR."
    )


def _existing(path: Path) -> Path:
    from kg.workspace import CONFIG, Workspace

    if not Workspace.exists(path):
        problem = f"holds no {CONFIG}" if path.is_dir() else "is not a folder" if path.exists() else "does not exist"
        raise ConfigError(
            f"Expected a workspace at {path}, but it {problem}. Build one: graft index FOLDER --workspace {path}."
        )
    return path


@contextmanager
def session(workspace: Workspace, spending: Spending) -> Iterator[Session]:
    """A workspace with its recorded calls, a budget and progress: what every stage that costs money is given."""
    from kg.session import Session
    from models.calls.records import Records

    _ = workspace.store  # opening the store creates the file that the records share
    with closing(Records(workspace.records_path, spending.retry_failed)) as records:
        yield Session(workspace, records, spending.budget(), spending.progress, spending.retry_failed)


@contextmanager
def opened(workspace: PathLike | None, progress: Progress) -> Iterator[tuple[Workspace, Encoder, GraphIndex]]:
    """Open a workspace with its encoder and its index for retrieval."""
    from kg.workspace import Workspace
    from models.factory import open_encoder
    from retrieval.index.graph_index import GraphIndex

    with ExitStack() as stack:
        space = stack.enter_context(Workspace.open(find_workspace(workspace)))
        encoder = open_encoder(space.config.encoder, progress)
        yield space, encoder, GraphIndex.of(space, encoder, progress)
