"""What a database is given on first use: uniqueness of ids, indexes, and the version of their form.

A released step is never changed: a new one is added, and databases that have the earlier ones are given the new one
alone. Everything here works in the Community edition and without plug-ins.
"""

from __future__ import annotations

from kg.schema import Fact
from kg.stores.neo4j.rows import SHAPES

_NODES = (*(shape.label for kind, shape in SHAPES.items() if kind is not Fact), "JournalEntry")
_FULLTEXT = "OPTIONS {indexConfig: {`fulltext.analyzer`: 'standard-folding'}}"
"""Case and accents don't count, as in `retrieval.text.terms`."""


def _unique(label: str) -> str:
    """A constraint that ids are unique within a workspace."""
    keys = ("workspace", "stage", "item") if label == "JournalEntry" else ("workspace", "id")
    properties = ", ".join(f"n.{key}" for key in keys)
    return f"CREATE CONSTRAINT graft_{label.lower()} IF NOT EXISTS FOR (n:{label}) REQUIRE ({properties}) IS UNIQUE"


STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE CONSTRAINT graft_workspace IF NOT EXISTS FOR (n:Workspace) REQUIRE n.id IS UNIQUE",
        *map(_unique, _NODES),
        "CREATE CONSTRAINT graft_fact IF NOT EXISTS FOR ()-[f:FACT]-() REQUIRE (f.workspace, f.id) IS UNIQUE",
        "CREATE FULLTEXT INDEX graft_names IF NOT EXISTS FOR (n:Entity) "
        f"ON EACH [n.name, n.aliases, n.workspace] {_FULLTEXT}",
        f"CREATE FULLTEXT INDEX graft_texts IF NOT EXISTS FOR (n:Chunk) ON EACH [n.text, n.workspace] {_FULLTEXT}",
    ),
)
"""Statements of each version, from 1; each may be run twice."""

VERSION = len(STEPS)
OLDEST_SERVER = (5, 15)
"""The first version with `CREATE VECTOR INDEX`."""
