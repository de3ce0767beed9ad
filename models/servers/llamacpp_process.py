"""Start, watch and end the llama.cpp server of `llamacpp_child.py`.

A child process, not a thread: a crash or an out-of-memory kill ends a model call and not the run, its
computing does not wait for our interpreter lock, and it can be ended at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import weakref
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelError
from models.files.cache import cache_dir
from models.servers import llamacpp_child

_LOAD_S = 600.0
_HEALTH_S = 30.0
_STOP_S = 5.0
_DYING_S = 1.0
_LOG_LINES = 15
_LOG_DAYS = 7
_SPINS = "100000"
"""Number of turns that a waiting thread spins before it sleeps: well under a millisecond. Spinning without end is 5 %
faster on an idle machine, and several times slower on one that has other work."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What the server loads and how.

    Attributes:
        gguf: The weights.
        alias: Name of the model in requests.
        context_tokens: Length of the context of each slot, in tokens.
        parallel: Number of slots; each works on one request at a time.
        threads: Number of processor threads, at least 1.
        lora: A LoRA adapter as GGUF, None for the weights alone.
    """

    gguf: Path
    alias: str
    context_tokens: int
    parallel: int
    threads: int
    lora: Path | None = None


class LlamaProcess:
    """A running server.

    Attributes:
        address: `http://127.0.0.1:PORT`.
        key: The key that it requires, drawn at every start, so that no other program on this machine can use it.
        log: Its log file; removed when we end the server, kept when it ends by itself.
    """

    def __init__(self, settings: ServerSettings, load_s: float = _LOAD_S) -> None:
        """Start a server and wait until it responds.

        Args:
            settings: What it loads.
            load_s: Maximum time to load the weights, in seconds.
        Raises:
            ModelError: It ended or did not respond in time; the message has the end of its log.
        """
        self.key = secrets.token_urlsafe(24)
        self.log = _new_log()
        self._process = _spawn(self.log)
        # Also run at interpreter exit, and when nobody holds this object any more.
        self._end = weakref.finalize(self, _finish, self._process, self.log, os.getpid())
        try:
            self.address = self._announce(settings, load_s)
            self._await_health()
        except BaseException:
            self._end.detach()
            _stop(self._process)
            raise

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def survives(self) -> bool:
        """Whether the process still runs a moment after a call failed: its connections break before it is gone."""
        try:
            self._process.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            return True
        return False

    def stop(self) -> None:
        """End the process and wait until it is gone."""
        self._end()

    def failure(self, event: str) -> ModelError:
        """An error that states what happened and how the process is, with the end of its log."""
        code = self._process.poll()
        state = "it is still running" if code is None else _how_ended(code)
        return ModelError(f"{event}: {state}. Its log, {self.log}, ends:\n{_tail(self.log)}")

    def _announce(self, settings: ServerSettings, load_s: float) -> str:
        """Send the settings and wait for the address, which the server writes once the weights are loaded."""
        order = {
            "gguf": str(settings.gguf),
            "alias": settings.alias,
            "context_tokens": settings.context_tokens,
            "parallel": settings.parallel,
            "threads": settings.threads,
            "lora": None if settings.lora is None else str(settings.lora),
            "key": self.key,
            "parent": os.getpid(),
        }
        lines: list[str] = []
        # A thread, since a pipe's `readline` has no time limit.
        reader = threading.Thread(target=self._read_line, args=(lines,), daemon=True)
        reader.start()
        with contextlib.suppress(OSError):  # It ended at once; the error below quotes its log.
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        reader.join(load_s)
        if not lines or not lines[0].startswith("http"):
            if reader.is_alive():
                raise self.failure(f"The llama.cpp server did not load {settings.gguf} within {load_s:g} s")
            self._process.wait()
            raise self.failure(f"The llama.cpp server could not load {settings.gguf}")
        return lines[0].strip()

    def _read_line(self, lines: list[str]) -> None:
        assert self._process.stdout is not None
        lines.append(self._process.stdout.readline())

    def _await_health(self) -> None:
        deadline = time.monotonic() + _HEALTH_S
        while self.alive() and time.monotonic() < deadline:
            try:
                with _direct().open(f"{self.address}/health", timeout=5) as response:
                    if response.status == 200:
                        return
            except OSError:  # Includes an HTTP error: it is not ready.
                time.sleep(0.1)
        raise self.failure(f"The llama.cpp server at {self.address} did not pass its health check")


def _direct() -> urllib.request.OpenerDirector:
    """An opener that ignores proxies of the environment, which cannot reach our loopback."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _spawn(log: Path) -> subprocess.Popen[str]:
    # -P keeps the script's own folder off the module path, where `models/files/digest.py` and others would shadow.
    command = [sys.executable, "-P", str(Path(llamacpp_child.__file__).resolve())]
    # Threads that wait actively for one another lose ten times their speed as soon as another program computes too.
    environment = {"GOMP_SPINCOUNT": _SPINS} | dict(os.environ)
    pipe = subprocess.PIPE
    with log.open("w", encoding="utf-8") as errors:
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=errors, env=environment, text=True, encoding="utf-8"
        )


def _finish(process: subprocess.Popen[str], log: Path, owner: int) -> None:
    if os.getpid() != owner:
        return  # A fork of the owner must not end the owner's server.
    # A server that ended by itself leaves its log, which an error message names.
    ran = process.poll() is None
    _stop(process)
    if ran:
        log.unlink(missing_ok=True)


def _stop(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(OSError):  # The other end is gone already.
        if process.stdin is not None:
            process.stdin.close()
    # It has nothing to save, and may be deep in native code, where it sees no end of input.
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # Not before: closing waits for the thread that reads the address.
    if process.stdout is not None:
        process.stdout.close()


def _new_log() -> Path:
    folder = cache_dir() / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Logs of crashed servers are kept for a person to read, but not for ever.
        for old in folder.glob("llamacpp-*.log"):
            if time.time() - old.stat().st_mtime > _LOG_DAYS * 86400:
                old.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(
            f"The cache folder {folder} cannot be written: {error}. Set GRAFT_CACHE to another."
        ) from error
    return folder / f"llamacpp-{os.getpid()}-{secrets.token_hex(4)}.log"


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "  (unreadable)"
    return "\n".join(f"  {line}" for line in lines[-_LOG_LINES:]) or "  (empty)"


def _how_ended(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
    return f"it was ended by signal {name}{hint}"
