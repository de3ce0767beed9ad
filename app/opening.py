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
    from models.calls.records import Budget
    from models.protocols import Encoder
    from retrieval.index.graph_index import GraphIndex

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
        from models.calls.records import Budget

        return Budget(max_calls=self.max_calls, max_usd=self.max_usd)


def find_workspace(given: PathLike | None = None) -> Path:
    """The workspace meant: the one given, or the only one here or under ./workspaces.

    Raises:
        ConfigError: The one given is no workspace, or none was given and none, or several, were found.
    """
    if given:
        return _existing(Path(given))
    found = [Path()] if Path("graft.yaml").is_file() else []
    found += sorted(path.parent for path in Path("workspaces").glob("*/graft.yaml"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(path) for path in found) or "none"
    raise ConfigError(
        f"Expected one workspace here or under ./workspaces, found {names}. Name one with --workspace DIR, "
        "or build one: graft index FOLDER --workspace DIR."
    )


def _existing(path: Path) -> Path:
    from kg.workspace import CONFIG, Workspace

    if not Workspace.exists(path):
        what = f"holds no {CONFIG}" if path.is_dir() else "is not a folder" if path.exists() else "does not exist"
        raise ConfigError(
            f"Expected a workspace at {path}, but it {what}. Build one: graft index FOLDER --workspace {path}."
        )
    return path


@contextmanager
def session(workspace: Workspace, spending: Spending) -> Iterator[Session]:
    """A workspace with its call records, budget and progress: what paid stages are given."""
    from kg.session import Session
    from models.calls.records import Records

    _ = workspace.store  # the store makes the file that the records share
    with closing(Records(workspace.records_path, spending.retry_failed)) as records:
        yield Session(workspace, records, spending.budget(), spending.progress, spending.retry_failed)


@contextmanager
def opened(workspace: PathLike | None, progress: Progress) -> Iterator[tuple[Workspace, Encoder, GraphIndex]]:
    """Open a workspace with its encoder and its read side."""
    from kg.workspace import Workspace
    from models.factory import open_encoder
    from retrieval.index.graph_index import GraphIndex

    with ExitStack() as stack:
        space = stack.enter_context(Workspace.open(find_workspace(workspace)))
        encoder = open_encoder(space.config.encoder, progress)
        yield space, encoder, GraphIndex.of(space, encoder, progress)
