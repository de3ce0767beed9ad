"""Knowledge bases in a Neo4j database, as typed functions: what `graft neo4j` calls."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.opening import PathLike, find_workspace
from models.errors import ConfigError, InputError
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from kg.stores.capabilities import Answer
    from kg.stores.neo4j.store import Neo4jStore
    from kg.stores.transfer import Difference
    from kg.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Compared:
    """A workspace's folder beside its copy in the database.

    Attributes:
        name: Of the copy.
        rows: How the kinds of rows differ, or differed before they were copied.
        digest_here: Of the folder's rows.
        digest_there: Of the copy's.
    """

    name: str
    rows: tuple[Difference, ...]
    digest_here: str
    digest_there: str

    @property
    def same(self) -> bool:
        """Whether both hold the same."""
        return self.digest_here == self.digest_there


@dataclass(frozen=True, slots=True)
class Copy:
    """A workspace in the database: its name, and how many nodes and facts it has."""

    name: str
    documents: int
    chunks: int
    entities: int
    facts: int


def push(workspace: PathLike | None = None, name: str | None = None, progress: Progress = SILENT) -> Compared:
    """Copy a workspace into the database, where only what differs is written.

    Args:
        workspace: Its folder; changed in nothing but the file with its name in the database.
        name: In the database; None for the workspace's own.
        progress: Who is told.
    Raises:
        ConfigError: It is there already, or the database is not configured.
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
        return Compared(there.workspace, tuple(rows), space.store.digest(), there.digest())


def pull(folder: Path, name: str, progress: Progress = SILENT) -> Compared:
    """Copy a workspace of the database into a folder; goes on where it was cut off.

    Args:
        folder: New, or one that was pulled before.
        name: In the database.
        progress: Who is told.
    Raises:
        InputError: The database has no workspace of that name.
        ConfigError: The folder holds a workspace of other settings.
    """
    from kg.config import IndexConfig
    from kg.stores.neo4j.server import Address
    from kg.stores.neo4j.store import Neo4jStore
    from kg.stores.transfer import copy
    from kg.workspace import Workspace

    with closing(Neo4jStore(Address.of_environment(), name)) as there:
        config = there.stored_config()
        if config is None:
            raise _unknown(name, [each.name for each in copies()])
        settings = IndexConfig.from_yaml(config, f"the settings of {name}").model_copy(update={"store": "sqlite"})
        with Workspace.create(folder, settings) as space, space.writing():
            rows = copy(there, space.store, progress)
            return Compared(name, tuple(rows), space.store.digest(), there.digest())


def diff(workspace: PathLike | None = None, name: str | None = None) -> Compared:
    """Hold a workspace's folder against its copy in the database; nothing is changed."""
    from kg.stores.transfer import differences
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space, closing(_copy_of(space, name)) as there:
        rows = differences(space.store, there)
        return Compared(there.workspace, tuple(rows), space.store.digest(), there.digest())


def copies() -> list[Copy]:
    """The workspaces of the database, by name."""
    from kg.stores.neo4j.server import Address, Server

    with closing(Server(Address.of_environment())) as server:
        rows = server.read(
            "MATCH (v:Workspace) RETURN v.id, "
            "COUNT { MATCH (n:Document {workspace: v.id}) WHERE NOT n:Placeholder }, "
            "COUNT { MATCH (n:Chunk {workspace: v.id}) WHERE NOT n:Placeholder }, "
            "COUNT { MATCH (n:Entity {workspace: v.id}) WHERE NOT n:Placeholder }, "
            "COUNT { MATCH ()-[f:FACT {workspace: v.id}]->() } ORDER BY v.id"
        )
    return [Copy(*row) for row in rows]


def remove_copy(name: str) -> Copy:
    """Remove a workspace from the database; folders stay as they are.

    Raises:
        InputError: There is none of that name.
    """
    from kg.stores.neo4j.server import Address
    from kg.stores.neo4j.store import Neo4jStore

    known = {each.name: each for each in copies()}
    if name not in known:
        raise _unknown(name, known)
    with closing(Neo4jStore(Address.of_environment(), name)) as there:
        there.clear()
    return known[name]


def _unknown(name: str, known: Iterable[str]) -> InputError:
    return InputError(f"the database has no workspace {name!r}; it has: {', '.join(known) or 'none'}")


def _copy_of(space: Workspace, name: str | None) -> Neo4jStore:
    from kg.stores.neo4j.server import Address
    from kg.stores.neo4j.store import Neo4jStore

    if space.config.store == "neo4j":
        raise ConfigError(f"the workspace {space.path} has its store in Neo4j already; expected one with another store")
    if name is None:
        return Neo4jStore.beside(space.records_path)
    return Neo4jStore(Address.of_environment(), name, space.config.to_yaml())


def query(text: str, name: str, limit: int, timeout_s: float) -> Answer:
    """Run a query that reads.

    Args:
        text: Cypher.
        name: Of a workspace, the value of `$workspace` in the query.
        limit: Most rows.
        timeout_s: Most seconds on the server.
    Raises:
        InputError: The query does more than read, or the database refuses it.
    """
    from kg.stores.neo4j.query import ask
    from kg.stores.neo4j.server import Address, Server

    with closing(Server(Address.of_environment())) as server:
        return ask(server, text, name, limit, timeout_s)
