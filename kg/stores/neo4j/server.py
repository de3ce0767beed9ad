"""A Neo4j server: where it is, who we are there, and what it says in words.

    NEO4J_URI (neo4j://localhost:7687)  NEO4J_USERNAME (neo4j)  NEO4J_PASSWORD  NEO4J_DATABASE (the server's default)

Everything runs in managed transactions, which the driver repeats where a fault may pass, and whose bookmarks one
manager hands on, so that each sees what the ones before wrote. Whatever is run here is idempotent, so that a commit
whose outcome is unknown can be made again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from kg.stores.neo4j.schema import OLDEST_SERVER, STEPS, VERSION
from kg.stores.neo4j.write import Statement
from models.errors import ConfigError, InputError, ServerError, StoreError

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction

RETRY_S = 120.0
"""How long a fault is given to pass, such as a server that starts again."""
_CONNECT_S = 5.0
START = "start one (`docker compose up -d`), or set NEO4J_URI"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is and who we are there.

    Attributes:
        uri: "neo4j://…", "bolt://…", or with "+s" for an encrypted connection.
        username: Of the database's user.
        password: Of that user.
        database: Its name, or None for the server's default.
    """

    uri: str
    username: str
    password: str = field(repr=False)
    database: str | None

    @classmethod
    def of_environment(cls) -> Address:
        """What `NEO4J_URI` and its like say.

        Raises:
            ConfigError: There is no password.
        """
        password = os.environ.get("NEO4J_PASSWORD")
        if not password:
            raise ConfigError("NEO4J_PASSWORD is not set: the store neo4j needs the password of the database's user")
        return cls(
            os.environ.get("NEO4J_URI") or "neo4j://localhost:7687",
            os.environ.get("NEO4J_USERNAME") or "neo4j",
            password,
            os.environ.get("NEO4J_DATABASE") or None,
        )


class Server:
    """An open connection to a database whose schema is there; safe to use from several threads.

    Attributes:
        address: Where it is.
        version: Of the server.

    Args:
        address: Where.
        retry_s: How long a fault is given to pass, in seconds; the first contact is not waited for.
    Raises:
        ConfigError: The address is none.
        ServerError: Nobody answers there, or refuses, or is too old.
        StoreError: A newer GRAFT has written there.
    """

    def __init__(self, address: Address, retry_s: float = RETRY_S) -> None:
        from neo4j import GraphDatabase
        from neo4j.exceptions import ConfigurationError

        if not re.match(r"(neo4j|bolt)(\+s|\+ssc)?://", address.uri):
            raise ConfigError(f"NEO4J_URI is {address.uri!r}, expected one like neo4j://localhost:7687")
        self.address = address
        self.version = ""
        self._bookmarks = GraphDatabase.bookmark_manager()
        try:
            self._driver: Driver = GraphDatabase.driver(
                address.uri,
                auth=(address.username, address.password),
                max_transaction_retry_time=retry_s,
                initial_retry_delay=0.5,
                retry_delay_multiplier=1.2,  # a server that starts again takes seconds, not minutes
                connection_timeout=_CONNECT_S,
                notifications_min_severity="OFF",
                telemetry_disabled=True,
            )
        except (ConfigurationError, ValueError) as error:
            raise ConfigError(
                f"NEO4J_URI is {address.uri!r}, expected one like neo4j://localhost:7687: {error}"
            ) from error
        try:
            with self._explained():
                self._driver.verify_connectivity()
                self._check_version()
                self._migrate()
        except BaseException:
            self._driver.close()
            raise

    def write(self, statements: Iterable[Statement], workspace: str, check: Callable[[], bool] | None = None) -> None:
        """Run statements in one transaction.

        Args:
            statements: Idempotent.
            workspace: Their `$w`.
            check: Whether they are in the database, asked where the outcome of a commit is unknown.
        """

        work = list(statements)

        def run(transaction: ManagedTransaction) -> None:
            for cypher, parameters in work:
                transaction.run(cypher, parameters, w=workspace).consume()

        while True:
            try:
                with self._explained(), self._session() as session:
                    session.execute_write(run)
                return
            except _Unknown:
                if check is not None and check():
                    return

    def read(self, cypher: str, **parameters: Any) -> list[list[Any]]:
        """Rows of values that a query returns."""

        def run(transaction: ManagedTransaction) -> list[list[Any]]:
            return [list(row.values()) for row in transaction.run(cypher, parameters)]

        with self._explained(), self._session() as session:
            found: list[list[Any]] = session.execute_read(run)
            return found

    def change(self, *statements: str) -> None:
        """Change the schema, each statement in a transaction of its own."""
        with self._explained(), self._session() as session:
            for statement in statements:
                session.run(statement).consume()  # a change of the schema can't be in a transaction with data

    def look(
        self, query: str, parameters: dict[str, Any], limit: int, timeout_s: float
    ) -> tuple[list[str], list[list[Any]]]:
        """The columns and first rows of somebody's query, which the server lets read and nothing else.

        Raises:
            InputError: The server refuses the query, or ends it for its time.
        """
        from neo4j import READ_ACCESS, Query
        from neo4j.exceptions import Neo4jError

        if timeout_s <= 0:
            raise InputError(f"a query needs a time limit above 0 s, got {timeout_s:g}")  # the driver takes 0 for none

        with self._explained():
            try:
                with self._session(default_access_mode=READ_ACCESS) as session:
                    result = session.run(Query(query, timeout=timeout_s), parameters)
                    rows = [list(row.values()) for row in islice(result, limit)]
                    return list(result.keys()), rows
            except Neo4jError as error:
                code = str(error.code)
                if "Terminated" in code or "TimedOut" in code:
                    raise InputError(f"the query took more than {timeout_s:g} s and was ended: ask for less") from error
                if any(sign in code for sign in ("OutOfMemory", "StackOverFlow")):
                    raise InputError(f"the query takes too much memory: ask for less ({_said(error)})") from error
                if ".Statement." in code or "AccessMode" in code:
                    raise InputError(f"the database refuses the query: {_said(error)}") from error
                raise

    def close(self) -> None:
        """Let go of the connections."""
        self._driver.close()

    def _session(self, **settings: Any) -> Any:
        return self._driver.session(database=self.address.database, bookmark_manager=self._bookmarks, **settings)

    def _check_version(self) -> None:
        (name, versions), *_ = self.read("CALL dbms.components() YIELD name, versions RETURN name, versions")
        self.version = str(versions[0])
        numbers = tuple(map(int, re.findall(r"\d+", versions[0])[:2]))
        if numbers < OLDEST_SERVER:
            wanted = ".".join(map(str, OLDEST_SERVER))
            raise ServerError(
                f"{name} {versions[0]} at {self.address.uri} is too old: expected {wanted} or newer; update the server"
            )

    def _migrate(self) -> None:
        """Bring the database to the form that this GRAFT writes."""
        found = self.read("MATCH (s:GraftSchema) RETURN max(s.version)")
        version = found[0][0] or 0
        if version > VERSION:
            raise StoreError(
                f"the database at {self.address.uri} was written by a newer GRAFT (schema {version}, this one writes "
                f"{VERSION}): upgrade GRAFT"
            )
        for number, step in enumerate(STEPS[version:], start=version + 1):
            self.change(*step, "CALL db.awaitIndexes(300)", f"MERGE (s:GraftSchema) SET s.version = {number}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the driver raises into an error in words."""
        from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError

        try:
            yield
        except IncompleteCommit as error:
            raise _Unknown from error
        except (Neo4jError, DriverError) as error:
            raise _explain(error, self.address) from error


class AlreadyThere(StoreError):
    """Something was to be made that is there already."""


class _Unknown(Exception):
    """The connection was lost while a transaction was committed."""


def _explain(error: Exception, address: Address) -> StoreError:
    from neo4j import exceptions

    uri, code = address.uri, str(getattr(error, "code", None) or "")
    if isinstance(error, exceptions.AuthError):
        return ServerError(
            f"the database at {uri} refuses the user {address.username!r}: set NEO4J_USERNAME and NEO4J_PASSWORD to "
            f"those of the server ({_said(error)})"
        )
    if isinstance(error, exceptions.ConstraintError):
        return AlreadyThere(f"the database at {uri} has that already: {_said(error)}")
    if "DatabaseNotFound" in code:
        return ServerError(
            f"the server at {uri} has no database {address.database!r}: set NEO4J_DATABASE, or leave it out"
        )
    if isinstance(error, exceptions.ForbiddenOnReadOnlyDatabase) or "ReadOnly" in code or "NotALeader" in code:
        return ServerError(
            f"the database at {uri} can only be read: name one that can be written in NEO4J_URI and NEO4J_DATABASE "
            f"({_said(error)})"
        )
    if isinstance(error, exceptions.Forbidden):
        return ServerError(f"the user {address.username!r} may not do that at {uri}: {_said(error)}; take another user")
    if isinstance(error, exceptions.UnsupportedServerProduct):
        return ServerError(f"what answers at {uri} is no Neo4j server that this driver knows: {_said(error)}; {START}")
    if isinstance(error, exceptions.ServiceUnavailable | exceptions.SessionExpired | exceptions.ConnectionPoolError):
        return ServerError(f"no Neo4j server answers at {uri} ({_said(error)}): {START}")
    if isinstance(error, exceptions.TransientError | exceptions.DatabaseUnavailable):
        return ServerError(f"the database at {uri} cannot take that now: {_said(error)}; run the same command again")
    return StoreError(f"the database at {uri} cannot be used: {_said(error)}")


def _said(error: Exception) -> str:
    """The first line of what the server or driver said, without what follows."""
    text = str(getattr(error, "message", None) or error).strip().splitlines()
    return text[0][:300] if text else type(error).__name__
