"""A real Neo4j for tests: the one that NEO4J_URI names, or one of our own with a throw-away home."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kg.stores.neo4j.server import ServerAddress

SCRIPT = Path(__file__).parents[2] / "shared" / "neo4j" / "neo4j"
PASSWORD = "test-password"


class OwnServer:
    """A server that a test may stop and kill.

    Args:
        home: An empty folder.
        settings: Variables of the script that starts it, such as `NEO4J_HEAP`.
    """

    def __init__(self, home: Path, **settings: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = ServerAddress(f"bolt://127.0.0.1:{port}", "neo4j", PASSWORD, None)
        self._home = home
        self._environment = {
            **os.environ,
            "NEO4J_HOME": str(home),
            "NEO4J_BOLT_PORT": str(port),
            "NEO4J_PASSWORD": PASSWORD,
            "NEO4J_START_SECONDS": "300",
            **settings,
        }

    def configure(self, lines: str) -> None:
        """Lines for the server's configuration, from its next start on."""
        self._environment["NEO4J_EXTRA_CONF"] = lines

    def __call__(self, *command: str) -> str:
        """Run `start`, `stop`, `kill` or `admin …`."""
        done = subprocess.run(  # the import tool leaves a report where it runs
            [SCRIPT, *command],
            env=self._environment,
            cwd=self._home,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def missing() -> str:
    """Why no server of our own can be started, or ""."""
    if not SCRIPT.exists():
        return f"no Neo4j: NEO4J_URI is not set, and {SCRIPT} is not there"
    if shutil.which("java") is None:
        return "no Neo4j: NEO4J_URI is not set, and a server of our own needs Java 17, which is not on PATH"
    return ""


@contextmanager
def own_server(**settings: str) -> Iterator[OwnServer]:
    """Start a server on a free port and stop it in the end; skips a test where there is none to start."""
    if reason := missing():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="graft-neo4j-") as home:
        server = OwnServer(Path(home), **settings)
        server("start")
        try:
            yield server
        finally:
            server("stop")


@contextmanager
def any_server() -> Iterator[ServerAddress]:
    """The user's own server, or one that is started."""
    if os.environ.get("NEO4J_URI"):
        yield ServerAddress.of_environment()
        return
    with own_server() as server:
        yield server.address
