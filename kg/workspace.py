"""A workspace: the one folder of a knowledge base.

    notes.graft/
        graft.yaml      what built it
        graph.sqlite    the store, its journal and the records of model calls
        index/          arrays for retrieval, always rebuildable
        adapters/       trained weights
        runs/           evaluations

It can be copied to another machine and opened there: nothing in it holds an absolute path or a secret. Any number of
processes may read it. One process writes at a time, under a lock that the operating system releases when the process
dies.

    with Workspace.open(Path("notes.graft")) as workspace, workspace.writing():
        ...
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TextIO

from kg.config import IndexConfig
from kg.stores.protocol import GraphStore
from kg.stores.registry import check_store, open_store
from models.errors import ConfigError, StoreError
from models.files.atomic import is_part, replace_text

CONFIG = "graft.yaml"
STORE = "graph.sqlite"
LOCK = "graft.lock"
_RETRY_S = 0.05
"""Seconds between two attempts to take the lock."""


class Workspace:
    """An open workspace; make one with `create` or `open`, not directly.

    Attributes:
        path: Its folder.
        config: Its configuration.
        is_new: Whether this object created it and nothing has been built yet.
    """

    def __init__(self, path: Path, config: IndexConfig, is_new: bool) -> None:
        self.path = path
        self.config = config
        self.is_new = is_new
        self._store: GraphStore | None = None
        self._is_writing = False

    @staticmethod
    def exists(path: Path) -> bool:
        """Whether `path` is a workspace."""
        return (path / CONFIG).is_file()

    @classmethod
    def create(cls, path: Path, config: IndexConfig) -> Workspace:
        """Make a workspace, or open the one that is there if it has the same configuration.

        Raises:
            ConfigError: The workspace there was built with other settings, or there is no such store.
            StoreError: The folder holds something else, or cannot be written.
        """
        if cls.exists(path):
            workspace = cls.open(path)
            if differences := workspace.config.differences(config):
                raise ConfigError(
                    f"The workspace {path} was built with other settings ({'; '.join(differences)}). "
                    "Leave those settings out, or index into a new workspace."
                )
            return workspace
        # What a killed `create` left behind is no content: a half-written configuration under another name.
        if path.exists() and (not path.is_dir() or any(not is_part(entry.name, CONFIG) for entry in path.iterdir())):
            raise StoreError(f"{path} exists and is not a workspace. Name a folder that is new or empty.")
        check_store(config.store)  # or a misspelt name would stay in the folder, and refuse the corrected one
        try:
            replace_text(path / CONFIG, config.to_yaml())
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"Cannot create the workspace {path}: {reason}. Choose another folder.") from error
        return cls(path, config, is_new=True)

    @classmethod
    def open(cls, path: Path) -> Workspace:
        """Open an existing workspace.

        Raises:
            StoreError: There is no workspace at `path`.
            ConfigError: Its `graft.yaml` cannot be used.
        """
        if not cls.exists(path):
            what = f"holds no {CONFIG}" if path.is_dir() else "is not a folder" if path.exists() else "does not exist"
            raise StoreError(f"{path} is not a workspace: it {what}. Make one with `graft index`.")
        return cls(path, IndexConfig.read(path / CONFIG), is_new=False)

    @property
    def store(self) -> GraphStore:
        """The store, opened on first use."""
        if self._store is None:
            self._store = open_store(self.config.store, self.path / STORE)
        return self._store

    @property
    def records_path(self) -> Path:
        """File of the records of model calls: the embedded store's own, so that one file has all of a workspace."""
        return self.path / STORE

    @property
    def index_dir(self) -> Path:
        """Folder of the retrieval arrays, created on first use."""
        return self._folder("index")

    @property
    def adapters_dir(self) -> Path:
        """Folder of trained adapters, created on first use."""
        return self._folder("adapters")

    @property
    def runs_dir(self) -> Path:
        """Folder of evaluation runs, created on first use."""
        return self._folder("runs")

    @contextmanager
    def writing(self, wait_s: float = 10.0) -> Iterator[None]:
        """Hold the right to write; it is released at the end, or by the system if the process dies.

        May be nested: an object that holds it already does not wait for itself.

        Args:
            wait_s: How long to wait for another writer, in seconds.
        Raises:
            StoreError: Another process still writes after that time; the message names it.
        """
        if self._is_writing:
            yield
            return
        with (self.path / LOCK).open("a+", encoding="utf-8") as handle:
            self._take_lock(handle, wait_s)
            # The number of the process is for the message to others alone; the lock itself is the system's.
            handle.seek(0)
            handle.truncate()
            handle.write(f"{os.getpid()}\n")
            handle.flush()
            self._is_writing = True
            try:
                yield
            finally:
                # The file stays: if it were removed, two processes could hold locks on two files of one name.
                self._is_writing = False
                fcntl.flock(handle, fcntl.LOCK_UN)

    def discard(self) -> None:
        """Close the workspace, and delete it if this object created it."""
        if self.is_new and self._store is not None:
            self._store.clear()
        self.close()
        if self.is_new:
            shutil.rmtree(self.path)

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def _take_lock(self, handle: TextIO, wait_s: float) -> None:
        # flock, and no file whose existence is the lock: the system releases it however the process ends. It cannot
        # wait for a limited time, hence the loop.
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    handle.seek(0)
                    holder = handle.read().strip() or "unknown"
                    raise StoreError(
                        f"The workspace {self.path} is still being written by process {holder} after {wait_s:g} s. "
                        "Wait for the process to end, or stop it."
                    ) from None
            time.sleep(_RETRY_S)
