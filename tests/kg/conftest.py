"""The pinned spaCy pipeline, for tests of what is read off a parse."""

from __future__ import annotations

from typing import Any

import pytest

from kg.language.spacy_pipeline import PIPELINE
from models.errors import ModelError


@pytest.fixture(scope="session")
def parser() -> Any:
    """The pipeline, opened."""
    import spacy

    from models.weights.resolve import resolve

    try:
        folder = resolve(PIPELINE).folder
    except ModelError as error:
        pytest.skip(f"the pinned spaCy pipeline is not here and cannot be pulled: {error}")
    assert folder is not None
    return spacy.load(folder)
