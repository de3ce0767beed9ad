"""Servers that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from kg.stores.neo4j.server import Address, Server
from tests.neo4j_server import any_server


@pytest.fixture(scope="session")
def neo4j_address() -> Iterator[Address]:
    """A real Neo4j; tests take workspaces of their own in it."""
    with any_server() as address:
        yield address


@pytest.fixture
def server(neo4j_address: Address) -> Iterator[Server]:
    """A connection to it."""
    with closing(Server(neo4j_address)) as opened:
        yield opened
