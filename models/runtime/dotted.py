"""`package.module:Class` to the class: how a configuration names the user's own model, store or retriever.

A module is found where Python finds it, and else in the current folder, as with `python -m`: a plug-in may lie beside
the experiment that names it, without being installed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from models.errors import ConfigError


def is_dotted(name: str) -> bool:
    """Whether a name is a dotted path rather than a short name or a file.

    Example:
        >>> is_dotted("my_package.scorers:Fast"), is_dotted("hub:owner/name"), is_dotted("minilm")
        (True, False, False)
    """
    module, colon, attribute = name.partition(":")
    return bool(colon) and attribute.isidentifier() and all(part.isidentifier() for part in module.split("."))


def load_dotted(path: str) -> Any:
    """Import what a dotted path names, from the installed packages or the current folder.

    Raises:
        ConfigError: The module cannot be imported or has no such attribute.
    Example:
        >>> load_dotted("collections:Counter")("aab")["a"]
        2
    """
    if not is_dotted(path):
        raise ConfigError(f"Expected a dotted path package.module:Class, got {path!r}.")
    module, _, attribute = path.partition(":")
    _add_current_folder()
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        raise ConfigError(
            f"{path}: the module {module} cannot be imported ({error}). Run from the folder that holds it, install it, "
            "or correct the path."
        ) from error
    except AttributeError as error:
        raise ConfigError(f"{path}: the module {module} has no {attribute}. Correct the path.") from error


def _add_current_folder() -> None:
    # A command such as `graft` has the folder of the script on its path, not the current one. Last on the path, so that
    # a file of the user's can hide no library.
    folder = str(Path.cwd())
    if folder not in sys.path and "" not in sys.path:
        sys.path.append(folder)
