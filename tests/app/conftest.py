"""Every test of the command line stands in its own empty folder, with none of the person's settings around."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kg.scripted import write_sources


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty current folder and no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith(("GRAFT_WORKSPACE", "GRAFT_DEBUG", "OPENAI_", "SCRIPTED_")):
            monkeypatch.delenv(name)


@pytest.fixture
def articles() -> Path:
    """Three short documents in the current folder."""
    return write_sources(Path("articles"))
