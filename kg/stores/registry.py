"""Which stores there are, by name, and how one is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kg.stores.protocol import GraphStore
from kg.stores.sqlite.store import SqliteStore
from models.errors import ConfigError
from models.runtime.dotted import is_dotted, load_dotted


def _neo4j(path: Path) -> GraphStore:
    from kg.stores.neo4j.store import Neo4jStore

    return Neo4jStore.beside(path)


STORES: dict[str, Callable[[Path], GraphStore]] = {"sqlite": SqliteStore, "neo4j": _neo4j}
"""Name in a configuration to what opens the store at a path, or makes it."""


def open_store(name: str, path: Path) -> GraphStore:
    """Open a store.

    Args:
        name: Short name (see `STORES`), or the dotted path "package.module:Class" of your own, called
            with the path.
        path: File or folder of the store.
    Raises:
        ConfigError: No store of that name, or nothing importable behind it.
        StoreError: What lies at `path` cannot be used.
    """
    if opener := STORES.get(name):
        return opener(path)
    if not is_dotted(name):
        raise ConfigError(f"unknown store {name!r}: use one of {', '.join(STORES)}, or package.module:Class")
    store: GraphStore = load_dotted(name)(path)
    return store
