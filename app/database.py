"""Knowledge bases in a Neo4j database, as typed functions: what `graft neo4j` calls."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.opening import PathLike, find_workspace
from models.errors import ConfigError, InputError, unknown_name
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from kg.stores.capabilities import QueryResult
    from kg.stores.neo4j.store import Neo4jStore
    from kg.stores.transfer import RowDifference
    from kg.workspace import Workspace


@dataclass(frozen=True, slots=True)
class StoreComparison:
    """A knowledge base in a folder compared with its copy in the database.

    Attributes:
        name: Name of the copy in the database.
        rows: Differences by kind of row; after a copy, those that there were before it.
        digest_here: Digest of the rows in the folder.
        digest_there: Digest of the rows in the database.
    """

    name: str
    rows: tuple[RowDifference, ...]
    digest_here: str
    digest_there: str

    @property
    def same(self) -> bool:
        """Whether both hold the same rows."""
        return self.digest_here == self.digest_there


@dataclass(frozen=True, slots=True)
class StoredWorkspace:
    """A knowledge base in the database.

    Attributes:
        name: Its name there.
        documents: Number of documents.
        chunks: Number of passages.
        entities: Number of entities.
        facts: Number of facts.
    """

    name: str
    documents: int
    chunks: int
    entities: int
    facts: int


def push(workspace: PathLike | None = None, name: str | None = None, progress: Progress = SILENT) -> StoreComparison:
    """Copy a knowledge base into the database; only differences are written.

    Args:
        workspace: Its folder, where only the file with its name in the database changes; None finds the only one.
        name: Name in the database; None for the workspace's own.
        progress: Where progress is shown.
    Returns:
        What differed before, and the digests of both after the copy.
    Raises:
        ConfigError: The knowledge base is kept in Neo4j already, or the database is not configured.
        ServerError: The database cannot be reached, or refuses.
    """
    from kg.stores.transfer import copy
    from kg.workspace import Workspace

    with (
        Workspace.open(find_workspace(workspace)) as space,
        space.writing(),
        closing(_copy_of(space, name)) as there,
    ):
        rows = copy(space.store, there, progress)
        return StoreComparison(there.workspace, tuple(rows), space.store.digest(), there.digest())


def pull(folder: Path, name: str, progress: Progress = SILENT) -> StoreComparison:
    """Copy a knowledge base from the database into a folder; after an interruption, the same call resumes.

    Args:
        folder: A new folder, or one that was pulled before.
        name: Name in the database.
        progress: Where progress is shown.
    Returns:
        What differed before, and the digests of both after the copy.
    Raises:
        InputError: The database has no knowledge base of that name.
        ConfigError: The folder holds a workspace with other settings.
    """
    from kg.config import IndexConfig
    from kg.stores.neo4j.server import ServerAddress
    from kg.stores.neo4j.store import Neo4jStore
    from kg.stores.transfer import copy
    from kg.workspace import Workspace

    with closing(Neo4jStore(ServerAddress.of_environment(), name)) as there:
        config = there.stored_config()
        if config is None:
            raise _no_workspace(name, [workspace.name for workspace in stored_workspaces()])
        settings = IndexConfig.from_yaml(config, f"the settings of {name}").model_copy(update={"store": "sqlite"})
        with Workspace.create(folder, settings) as space, space.writing():
            rows = copy(there, space.store, progress)
            return StoreComparison(name, tuple(rows), space.store.digest(), there.digest())


def diff(workspace: PathLike | None = None, name: str | None = None) -> StoreComparison:
    """Compare a knowledge base in a folder with its copy in the database; nothing is changed."""
    from kg.stores.transfer import differences
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space, closing(_copy_of(space, name)) as there:
        rows = differences(space.store, there)
        return StoreComparison(there.workspace, tuple(rows), space.store.digest(), there.digest())


def stored_workspaces() -> list[StoredWorkspace]:
    """The knowledge bases in the database, sorted by name."""
    from kg.stores.neo4j.server import Neo4jServer, ServerAddress

    with closing(Neo4jServer(ServerAddress.of_environment())) as server:
        # Placeholders stand in for rows that are referred to but not copied yet; they do not count.
        rows = server.read(
            "MATCH (v:Workspace) RETURN v.id, "
            "COUNT { MATCH (n:Document {workspace: v.id}) WHERE NOT n:Placeholder }, "
            "COUNT { MATCH (n:Chunk {workspace: v.id}) WHERE NOT n:Placeholder }, "
            "COUNT { MATCH (n:Entity {workspace: v.id}) WHERE NOT n:Placeholder }, "
            "COUNT { MATCH ()-[f:FACT {workspace: v.id}]->() } ORDER BY v.id"
        )
    return [StoredWorkspace(*row) for row in rows]


def remove_workspace(name: str) -> StoredWorkspace:
    """Remove a knowledge base from the database; folders stay as they are.

    Returns:
        What was removed.
    Raises:
        InputError: The database has no knowledge base of that name.
    """
    from kg.stores.neo4j.server import ServerAddress
    from kg.stores.neo4j.store import Neo4jStore

    by_name = {workspace.name: workspace for workspace in stored_workspaces()}
    if name not in by_name:
        raise _no_workspace(name, by_name)
    with closing(Neo4jStore(ServerAddress.of_environment(), name)) as there:
        there.clear()
    return by_name[name]


def _no_workspace(name: str, known: Iterable[str]) -> InputError:
    return InputError(unknown_name("workspace in the database", name, known))


def _copy_of(space: Workspace, name: str | None) -> Neo4jStore:
    from kg.stores.neo4j.server import ServerAddress
    from kg.stores.neo4j.store import Neo4jStore

    if space.config.store == "neo4j":
        raise ConfigError(
            f"The workspace {space.path} is kept in Neo4j already. Expected one whose graft.yaml names another store."
        )
    if name is None:
        return Neo4jStore.beside(space.records_path)
    return Neo4jStore(ServerAddress.of_environment(), name, space.config.to_yaml())


def query(text: str, name: str, limit: int, timeout_s: float) -> QueryResult:
    """Run a Cypher query that only reads.

    Args:
        text: The query.
        name: Name of a knowledge base, the value of `$workspace` in the query.
        limit: Maximum number of rows.
        timeout_s: Maximum time on the server, in seconds.
    Raises:
        InputError: The query does more than read, or the database refuses it.
    """
    from kg.stores.neo4j.query import run_query
    from kg.stores.neo4j.server import Neo4jServer, ServerAddress

    with closing(Neo4jServer(ServerAddress.of_environment())) as server:
        return run_query(server, text, name, limit, timeout_s)
