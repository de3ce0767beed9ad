"""Exports of a package that are imported on first use (PEP 562), so that importing the package loads nothing heavy.

if TYPE_CHECKING:                                 # what type checkers and editors see
    from training.config import TrainConfig

__all__ = ["TrainConfig"]
__getattr__ = lazy_exports(__name__, {"config": ["TrainConfig"]})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_exports(package: str, names_by_module: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a package.

    Args:
        package: Name of the package: its `__name__`.
        names_by_module: Exported names by the module that defines them, whose name is relative to the package.
    Example:
        >>> export = lazy_exports("json", {"decoder": ["JSONDecoder"]})
        >>> export("JSONDecoder").__module__
        'json.decoder'
    """
    module_of = {name: module for module, names in names_by_module.items() for name in names}

    def load(name: str) -> Any:
        if name not in module_of:
            # Python itself asks for names that may be missing, and takes an AttributeError for "no".
            raise AttributeError(f"The module {package!r} has no attribute {name!r}.")
        return getattr(import_module(f"{package}.{module_of[name]}"), name)

    return load
