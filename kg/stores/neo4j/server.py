"""The connection to a Neo4j server: its address, its schema, and its errors in words.

    NEO4J_URI (neo4j://localhost:7687)  NEO4J_USERNAME (neo4j)  NEO4J_PASSWORD  NEO4J_DATABASE (the server's default)

Everything runs in managed transactions, which the driver repeats after a fault that may pass. One bookmark manager
links them, so that each sees what the earlier ones wrote. All statements are idempotent, so that a commit whose outcome
is unknown can be made again.
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
from models.network.address import quotable
from models.redaction import register_secret

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction

RETRY_S = 120.0
"""Seconds that a fault is given to pass, such as a restart of the server."""
_CONNECT_S = 5.0
START = "Start one (`docker compose up -d`), or set NEO4J_URI."
_URI_FORM = "Expected NEO4J_URI of a form such as neo4j://localhost:7687"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is, and as whom to connect.

    Attributes:
        uri: "neo4j://…" or "bolt://…", with "+s" for an encrypted connection.
        username: Name of the database's user.
        password: Password of that user.
        database: Name of the database, or None for the server's default.
    """

    uri: str
    username: str
    password: str = field(repr=False)
    database: str | None

    @classmethod
    def of_environment(cls) -> ServerAddress:
        """The address in the variables `NEO4J_URI`, `NEO4J_USERNAME`, `NEO4J_PASSWORD` and `NEO4J_DATABASE`.

        Raises:
            ConfigError: There is no password, or the address holds one.
        """
        password = os.environ.get("NEO4J_PASSWORD")
        if not password:
            raise ConfigError(
                "NEO4J_PASSWORD is not set. Set it to the password of the database's user, which the store neo4j needs."
            )
        register_secret(password)
        uri = os.environ.get("NEO4J_URI") or "neo4j://localhost:7687"
        if "@" in uri:
            # The driver would ignore them, and every message shows the address.
            raise ConfigError(
                f"Expected NEO4J_URI without user name and password, such as {quotable(uri)}. Put them into "
                "NEO4J_USERNAME and NEO4J_PASSWORD."
            )
        return cls(
            uri,
            os.environ.get("NEO4J_USERNAME") or "neo4j",
            password,
            os.environ.get("NEO4J_DATABASE") or None,
        )


class Neo4jServer:
    """An open connection to a database that has the schema; safe to use from several threads.

    Attributes:
        address: Address of the server.
        version: Version of the server.

    Args:
        address: Address of the server.
        retry_s: Seconds that a fault is given to pass; the first contact is not tried again.
    Raises:
        ConfigError: The address has no valid form.
        ServerError: No server answers there, or it refuses, or it is too old.
        StoreError: A newer GRAFT has written there.
    """

    def __init__(self, address: ServerAddress, retry_s: float = RETRY_S) -> None:
        from neo4j import GraphDatabase
        from neo4j.exceptions import ConfigurationError

        if not re.match(r"(neo4j|bolt)(\+s|\+ssc)?://", address.uri):
            raise ConfigError(f"{_URI_FORM}, but NEO4J_URI is {address.uri!r}.")
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
            raise ConfigError(f"{_URI_FORM}, but NEO4J_URI is {address.uri!r} ({error}).") from error
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
            statements: Idempotent statements.
            workspace: Value of their `$w`.
            check: Tells whether they are in the database; called where the outcome of a commit is unknown.
        """
        repeatable = list(statements)  # the driver may run them several times

        def run(transaction: ManagedTransaction) -> None:
            for cypher, parameters in repeatable:
                transaction.run(cypher, parameters, w=workspace).consume()

        while True:
            try:
                with self._explained(), self._session() as session:
                    session.execute_write(run)
                return
            except _UnknownCommitError:
                # The connection broke during the commit. Without a check the statements are run again, which changes
                # nothing if they were committed, since they are idempotent.
                if check is not None and check():
                    return

    def read(self, cypher: str, **parameters: Any) -> list[list[Any]]:
        """Rows of values that a query returns."""

        def run(transaction: ManagedTransaction) -> list[list[Any]]:
            return [list(row.values()) for row in transaction.run(cypher, parameters)]

        with self._explained(), self._session() as session:
            rows: list[list[Any]] = session.execute_read(run)
            return rows

    def change(self, *statements: str) -> None:
        """Change the schema, each statement in a transaction of its own."""
        with self._explained(), self._session() as session:
            for statement in statements:
                session.run(statement).consume()  # a change of the schema can't be in a transaction with data

    def query(
        self, query: str, parameters: dict[str, Any], limit: int, timeout_s: float
    ) -> tuple[list[str], list[list[Any]]]:
        """Run a query of a person or a model, which the server lets read and nothing else.

        Args:
            query: Cypher.
            parameters: Values of its parameters.
            limit: Maximum number of rows.
            timeout_s: Maximum time in seconds, > 0; the server ends the query then.
        Returns:
            Names of the columns, and the first rows.
        Raises:
            InputError: The server refuses the query, or ends it for its time or memory.
        """
        from neo4j import READ_ACCESS, Query
        from neo4j.exceptions import Neo4jError

        if timeout_s <= 0:
            # The driver takes 0 for no limit at all.
            raise InputError(f"Expected a time limit above 0 s for a query, got {timeout_s:g} s.")
        with self._explained():
            try:
                with self._session(default_access_mode=READ_ACCESS) as session:
                    result = session.run(Query(query, timeout=timeout_s), parameters)
                    rows = [list(row.values()) for row in islice(result, limit)]
                    return list(result.keys()), rows
            except Neo4jError as error:
                code = str(error.code)
                if "Terminated" in code or "TimedOut" in code:
                    raise InputError(
                        f"The query took more than {timeout_s:g} s and was ended. Reduce what it matches."
                    ) from error
                if any(sign in code for sign in ("OutOfMemory", "StackOverFlow")):
                    raise InputError(
                        f"The query takes too much memory ({_first_line(error)}). Reduce what it matches."
                    ) from error
                if ".Statement." in code or "AccessMode" in code:
                    raise InputError(f"The database refuses the query: {_first_line(error)}.") from error
                raise

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def _session(self, **settings: Any) -> Any:
        return self._driver.session(database=self.address.database, bookmark_manager=self._bookmarks, **settings)

    def _check_version(self) -> None:
        (name, versions), *_ = self.read("CALL dbms.components() YIELD name, versions RETURN name, versions")
        self.version = str(versions[0])
        numbers = tuple(map(int, re.findall(r"\d+", versions[0])[:2]))
        if numbers < OLDEST_SERVER:
            oldest = ".".join(map(str, OLDEST_SERVER))
            raise ServerError(
                f"Expected {name} {oldest} or newer at {self.address.uri}, found {versions[0]}. Update the server."
            )

    def _migrate(self) -> None:
        """Bring the database to the form that this GRAFT writes; two processes may do so at once."""
        version = self.read("MATCH (s:GraftSchema) RETURN max(s.version)")[0][0] or 0
        if version > VERSION:
            raise StoreError(
                f"The database at {self.address.uri} was written by a newer GRAFT (schema {version}, this one writes "
                f"{VERSION}). Upgrade GRAFT."
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
            raise _UnknownCommitError from error
        except (Neo4jError, DriverError) as error:
            raise _explain(error, self.address) from error


class AlreadyExistsError(StoreError):
    """What was to be made is in the database already."""


class _UnknownCommitError(Exception):
    """The connection was lost while a transaction was committed."""


def _explain(error: Exception, address: ServerAddress) -> StoreError:
    """An error of the driver in words; what is special comes before what is general, as its classes inherit."""
    from neo4j import exceptions

    uri, code, reason = address.uri, str(getattr(error, "code", None) or ""), _first_line(error)
    if isinstance(error, exceptions.AuthError):
        return ServerError(
            f"The database at {uri} refuses the user {address.username!r} ({reason}). Set NEO4J_USERNAME and "
            f"NEO4J_PASSWORD to those of the server.{_doubtful(address.password)}"
        )
    if isinstance(error, exceptions.ConstraintError):
        return AlreadyExistsError(f"The database at {uri} has that already: {reason}.")
    if "DatabaseNotFound" in code:
        return ServerError(
            f"The server at {uri} has no database {address.database!r}. Set NEO4J_DATABASE, or leave it out."
        )
    if isinstance(error, exceptions.ForbiddenOnReadOnlyDatabase) or "ReadOnly" in code or "NotALeader" in code:
        return ServerError(
            f"The database at {uri} can only be read ({reason}). Name one that can be written in NEO4J_URI and "
            "NEO4J_DATABASE."
        )
    if isinstance(error, exceptions.Forbidden):
        return ServerError(
            f"The user {address.username!r} may not do that at {uri} ({reason}). Connect as another user."
        )
    if isinstance(error, exceptions.UnsupportedServerProduct):
        return ServerError(f"What answers at {uri} is no Neo4j server that this driver knows ({reason}). {START}")
    if isinstance(error, exceptions.ServiceUnavailable | exceptions.SessionExpired | exceptions.ConnectionPoolError):
        return ServerError(f"No Neo4j server answers at {uri} ({reason}). {START}")
    if isinstance(error, exceptions.TransientError | exceptions.DatabaseUnavailable):
        return ServerError(f"The database at {uri} cannot take that now ({reason}). Run the same command again.")
    return StoreError(f"The database at {uri} cannot be used: {reason}.")


def _doubtful(password: str) -> str:
    """A remark on a password that was probably not meant so, or ""."""
    if password == password.strip():
        return ""
    return " NEO4J_PASSWORD begins or ends with a space or a line end, which is sent with it."


def _first_line(error: Exception) -> str:
    """The first line of an error's message, without the full stop at its end."""
    lines = str(getattr(error, "message", None) or error).strip().splitlines()
    return lines[0][:300].rstrip(".") if lines else type(error).__name__
