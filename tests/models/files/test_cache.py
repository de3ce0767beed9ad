"""Where the cache is."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.files.cache import cache_dir


def test_the_environment_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "a" / "b"))
    assert cache_dir() == tmp_path / "a" / "b"
    assert cache_dir().is_dir()


@pytest.mark.parametrize("value", [None, "", "  "])
def test_unset_or_empty_is_the_users_cache(value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    if value is None:
        monkeypatch.delenv("GRAFT_CACHE", raising=False)
    else:
        monkeypatch.setenv("GRAFT_CACHE", value)
    assert cache_dir().name == "graft"
    assert tmp_path in cache_dir().parents
