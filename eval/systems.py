"""Arms: which adapter and which retriever stand behind an answer.

A system is one YAML file of `configs/systems`, a path of the user's own, or a mapping in the experiment:

    name: lora-rag
    adapter: true          # false, true (the adapter this experiment trains), or the name of one in the workspace
    retriever: rag         # none, oracle, a retriever's short name, or a dotted path
    settings: {}           # the retriever's own
    marginal: none         # none: all passages in one prompt; sequence, token: each read alone (models.local.marginal)

The reader, the items, the budget and the prompt belong to the experiment and are the same for all arms.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import ConfigError
from models.files.digest import digest
from models.protocols import Marginal

NONE: Literal["none"] = "none"
ORACLE = "oracle"
PLAIN = "rag"


class SystemConfig(BaseModel):
    """One arm.

    Attributes:
        name: Shown in tables.
        adapter: False, True for the adapter that the experiment trains, or the name of one in the workspace.
        retriever: "none", "oracle", a short name, or a dotted path.
        settings: The retriever's own settings.
        marginal: "none" reads all evidence in one prompt, "sequence" and "token" each line of it in a prompt of its
            own, and weigh what the model says after each: RAG-Sequence and RAG-Token.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, pattern=r"^[\w.@-]+$")
    adapter: bool | str = False
    retriever: str = Field(default=NONE, min_length=1)
    settings: dict[str, Any] = {}
    marginal: Marginal | Literal["none"] = NONE

    @property
    def context_key(self) -> str:
        """Names the frozen contexts of this arm; arms with the same key share them.

        Example:
            >>> SystemConfig(name="a", retriever="rag").context_key
            'rag'
            >>> SystemConfig(name="a", retriever="rag", settings={"k": 2}).context_key[:4]
            'rag:'
        """
        return f"{self.retriever}:{digest(self.settings)[:8]}" if self.settings else self.retriever


def known_systems() -> list[str]:
    """Short names of the shipped systems."""
    folder = files("configs") / "systems"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_system(name: str, folder: Path) -> SystemConfig:
    """Read a system by short name, or from a YAML file.

    Args:
        name: A short name, or a path that ends in .yaml.
        folder: Where a relative path starts.
    Raises:
        ConfigError: No such system, or a malformed file.
    """
    if name.endswith((".yaml", ".yml")):
        return parse_system(_read(folder / name), name)
    if name not in known_systems():
        raise ConfigError(f'Unknown arm "{name}"; expected one of {", ".join(known_systems())}, or a YAML file.')
    return parse_system((files("configs") / "systems" / f"{name}.yaml").read_text(encoding="utf-8"), name)


def parse_system(text: str, origin: str) -> SystemConfig:
    """Read a system from YAML text; `origin` names it in an error."""
    try:
        return SystemConfig.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"The system {origin} is malformed: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The system {path} cannot be read ({error}). Check the path.") from error
