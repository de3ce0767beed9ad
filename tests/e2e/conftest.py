"""Weights for the whole job, or a skip that says why they cannot be had."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.errors import ModelError
from models.weights.resolve import is_present, resolve

WEIGHTS = {"extractor": "qwen2.5-coder-1.5b-instruct", "reader": "smollm2-135m-instruct", "encoder": "all-minilm-l6-v2"}


@pytest.fixture(scope="session")
def need() -> Callable[..., None]:
    """Called with roles, it fetches their weights."""

    def fetch(*roles: str) -> None:
        for role in roles:
            name = WEIGHTS[role]
            if is_present(name):
                continue
            try:
                resolve(name)
            except ModelError as error:
                pytest.skip(f"no weights of {name}: {error}")

    return fetch
