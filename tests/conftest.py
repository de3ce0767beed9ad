"""Servers that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import settings

from kg.stores.neo4j.server import Neo4jServer, ServerAddress
from tests.neo4j_server import any_server

# The same examples on every machine, so that a failure is due to a change; --hypothesis-profile=default explores.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def neo4j_address() -> Iterator[ServerAddress]:
    """A real Neo4j; tests take workspaces of their own in it."""
    with any_server() as address:
        yield address


@pytest.fixture
def server(neo4j_address: ServerAddress) -> Iterator[Neo4jServer]:
    """A connection to it."""
    with closing(Neo4jServer(neo4j_address)) as opened:
        yield opened
