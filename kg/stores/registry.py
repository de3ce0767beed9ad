"""The stores by name, and how one is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kg.stores.protocol import GraphStore
from kg.stores.sqlite.store import SqliteStore
from models.errors import ConfigError, unknown_name
from models.runtime.dotted import is_dotted, load_dotted


def _neo4j(path: Path) -> GraphStore:
    from kg.stores.neo4j.store import Neo4jStore

    return Neo4jStore.beside(path)


STORES: dict[str, Callable[[Path], GraphStore]] = {"sqlite": SqliteStore, "neo4j": _neo4j}
"""Name in a configuration to the function that opens the store at a path, or makes it."""


def open_store(name: str, path: Path) -> GraphStore:
    """Open a store.

    Args:
        name: Short name (see `STORES`), or the dotted path "package.module:Class" of your own class, which is called
            with `path`.
        path: File or folder of the store.
    Raises:
        ConfigError: There is no store of that name, or it cannot be imported.
        StoreError: What lies at `path` cannot be used.
    """
    check_store(name)
    if opener := STORES.get(name):
        return opener(path)
    store: GraphStore = load_dotted(name)(path)
    return store


def check_store(name: str) -> None:
    """Refuse a name that `open_store` could not open, before anything is written for it.

    Raises:
        ConfigError: The name is neither in `STORES` nor a dotted path.
    """
    if name not in STORES and not is_dotted(name):
        raise ConfigError(unknown_name("store", name, STORES, "a path package.module:Class"))
