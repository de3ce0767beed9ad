"""Digests of files: right, and computed again only when the file has changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from models.weights import filehash
from models.weights.filehash import cached_sha256


def test_a_changed_file_gets_a_new_digest(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    assert cached_sha256(file) == hashlib.sha256(b"one").hexdigest()
    file.write_bytes(b"two")
    os.utime(file, ns=(1, 1))
    assert cached_sha256(file) == hashlib.sha256(b"two").hexdigest()


def test_an_unchanged_file_is_read_once(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    first = cached_sha256(file)

    def refuse(path: Path) -> str:
        raise AssertionError(f"read {path} again")

    monkeypatch.setattr(filehash, "file_sha256", refuse)
    assert cached_sha256(file) == first


def test_a_damaged_record_is_computed_again(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    first = cached_sha256(file)
    for side in (cache / "digests").iterdir():
        side.write_text("{half a rec")
    assert cached_sha256(file) == first
