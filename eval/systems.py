"""Reads systems, the arms of an experiment: which adapter and which retriever each of them uses.

A system is a YAML file of `configs/systems`, a YAML file of the user's own, or a mapping in the experiment:

    name: lora-rag
    adapter: true          # false, true (the adapter this experiment trains), or the name of one in the workspace
    retriever: rag         # none, oracle, a retriever's short name, or a dotted path
    settings: {}           # settings of the retriever
    marginal: none         # none: all passages in one prompt; sequence, token: one prompt a passage

The reader, the items, the budget and the prompt belong to the experiment and are the same for all arms.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from configs import shipped_names
from models.errors import ConfigError, unknown_name
from models.files.digest import digest
from models.files.settings import StrictSettings, check_settings, parse_mapping, read_yaml_text
from models.protocols import MarginalMethod

NONE: Literal["none"] = "none"
ORACLE = "oracle"
PLAIN = "rag"
_SETTINGS = "settings of an arm"


class SystemConfig(StrictSettings):
    """One arm.

    Attributes:
        name: Name in tables.
        adapter: False, True for the adapter that the experiment trains, or the name of one in the workspace.
        retriever: "none", "oracle", a short name, or a dotted path.
        settings: Settings of the retriever.
        marginal: "none" puts all evidence into one prompt. "sequence" and "token" put each line of it into a prompt of
            its own and weight the model's answers (RAG-Sequence and RAG-Token, see `models.local.marginal`).
    """

    name: str = Field(min_length=1, pattern=r"^[\w.@-]+$")
    adapter: bool | str = False
    retriever: str = Field(default=NONE, min_length=1)
    settings: dict[str, Any] = Field(default_factory=dict)
    marginal: MarginalMethod | Literal["none"] = NONE

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
    return shipped_names("systems")


def load_system(name: str, folder: Path) -> SystemConfig:
    """Read a system by short name, or from a YAML file.

    Args:
        name: A short name, or a path that ends in .yaml.
        folder: Where a relative path starts.
    Raises:
        ConfigError: No such system, or a malformed file.
    """
    if name.endswith((".yaml", ".yml")):
        return parse_system(read_yaml_text(folder / name, _SETTINGS), name)
    if name not in known_systems():
        raise ConfigError(unknown_name("arm", name, known_systems(), "a YAML file"))
    return parse_system((files("configs") / "systems" / f"{name}.yaml").read_text(encoding="utf-8"), name)


def parse_system(text: str, origin: str) -> SystemConfig:
    """Read a system from YAML text; `origin` names it in an error."""
    return check_settings(parse_mapping(text, origin, _SETTINGS), SystemConfig, origin, _SETTINGS)
