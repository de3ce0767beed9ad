"""GRAFT under its one public name: `from graftlab import ask, index`, `from graftlab.retrieval.types import Retriever`.

An installed wheel holds this file as `graftlab/__init__.py` and the folders of the source tree as its subpackages, so
that nothing of ours meets a user's own `app/` or `models/`. In a checkout the folders lie at the top and import one
another as `kg`, `retrieval` and so on; there `graftlab.kg.schema` is the very module `kg.schema`, not a second copy.

    python -m graftlab index articles/ --workspace kb
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.api import (
        AskSettings,
        Spending,
        ask,
        ask_at_length,
        delete,
        evaluate,
        index,
        index_config,
        index_with,
        learn_schema,
        plan_delete,
        plan_index,
        plan_update,
        probe,
        search,
        train,
        train_extractor,
        train_hops,
        update,
    )

__all__ = [
    "AskSettings",
    "Spending",
    "ask",
    "ask_at_length",
    "delete",
    "evaluate",
    "index",
    "index_config",
    "index_with",
    "learn_schema",
    "plan_delete",
    "plan_index",
    "plan_update",
    "probe",
    "search",
    "train",
    "train_extractor",
    "train_hops",
    "update",
]

FOLDERS = ("models", "kg", "retrieval", "training", "eval", "app", "configs")
"""The folders that are subpackages of `graftlab`."""


def __getattr__(name: str) -> Any:
    # The functions of the Python interface are imported on first use: `import graftlab` loads nothing else.
    if name in __all__:
        return getattr(import_module("graftlab.app.api"), name)
    raise AttributeError(f"The module {__name__!r} has no attribute {name!r}.")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _CheckoutLoader(InspectLoader):
    """Gives the module of a checkout's folder where the same module is imported by its public name."""

    def __init__(self, source_name: str) -> None:
        self._source_name = source_name

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python to make an empty module, which `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        # The import system takes what is in sys.modules afterwards, and so never touches the real module's spec.
        sys.modules[module.__name__] = import_module(self._source_name)

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the source module, for `python -m graftlab.eval`."""
        spec = find_spec(self._source_name)
        return spec.loader.get_code(self._source_name) if spec and isinstance(spec.loader, InspectLoader) else None

    def get_source(self, fullname: str) -> str | None:
        """The text of the source module."""
        spec = find_spec(self._source_name)
        return spec.loader.get_source(self._source_name) if spec and isinstance(spec.loader, InspectLoader) else None


class _CheckoutFinder(MetaPathFinder):
    """Finds `graftlab.kg` as `kg` in a checkout."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, source_name = fullname.partition(".")
        folder = source_name.partition(".")[0]
        if package != __name__ or folder not in FOLDERS:
            return None
        if source_name == folder:
            _refuse_strangers()
        source = find_spec(source_name)
        if source is None:
            return None
        is_package = source.submodule_search_locations is not None
        return ModuleSpec(fullname, _CheckoutLoader(source_name), origin=source.origin, is_package=is_package)


def _refuse_strangers() -> None:
    """Stop before a folder of ours imports from a user's package that has the name of another of ours."""
    here = Path(__file__).resolve().parent
    for folder in FOLDERS:
        spec = find_spec(folder)
        origin = Path(spec.origin).resolve() if spec and spec.origin else here
        if not origin.is_relative_to(here):
            raise ImportError(
                f"Expected the folder {folder} of the checkout {here}, but {origin} has the same name and comes first "
                "on the module path. Rename that one or run from another folder; an installed wheel has no such clash."
            )


if __name__ == "__main__":
    import_module("graftlab.app.cli").main()
elif "__path__" not in globals():
    # A wheel has this file as a package, whose __path__ Python has set; in a checkout it is a plain module.
    globals()["__path__"] = []
    sys.meta_path.insert(0, _CheckoutFinder())
