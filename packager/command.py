"""The step of the build that puts the tree under one package: setuptools' `build_py`, then the prefixes of `prefix.py`.

An editable install is left as it is: there `graftlab.py` finds the folders of the checkout.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools.command.build_py import build_py
from setuptools.errors import SetupError

from packager.prefix import PACKAGE, Prefixer

_MAIN = f'''"""`python -m {PACKAGE}` is `graft`, for machines where the command is not on the path."""

from {PACKAGE}.app.cli import main

if __name__ == "__main__":
    main()
'''


class BuildOnePackage(build_py):  # type: ignore[misc]  # setuptools has no published types
    """Builds `graftlab/kg`, `graftlab/retrieval` and so on from the folders of the source tree.

    Attributes:
        build_lib: Folder that becomes the wheel.
        editable_mode: Whether setuptools makes an editable install, which copies nothing.
    """

    build_lib: str
    editable_mode: bool

    def run(self) -> None:
        if self.editable_mode:
            super().run()
            return
        # A build folder that is used again keeps modules that are gone from the tree, and setuptools would ship them.
        shutil.rmtree(self.build_lib, ignore_errors=True)
        package = Path(self.build_lib) / PACKAGE
        self.build_lib = str(package)
        self.__dict__.pop("data_files", None)  # computed from build_lib, maybe before it changed
        super().run()
        (package / f"{PACKAGE}.py").rename(package / "__init__.py")
        (package / "__main__.py").write_text(_MAIN, encoding="utf-8")
        (package / "py.typed").touch()
        prefix_tree(package)


def prefix_tree(package: Path) -> None:
    """Prefix the imports of every module in a folder, in place.

    Args:
        package: The folder that becomes the package, with the source tree's folders in it.
    Raises:
        SetupError: A name of ours is left without the prefix, or a line cannot be moved; all such places are named.
    """
    files = sorted(package.rglob("*.py"))
    prefixer = Prefixer(module_names(package))
    problems = []
    for file in files:
        try:
            moved = prefixer.prefix(file.read_text(encoding="utf-8"))
        except ValueError as error:
            problems.append(f"{file.relative_to(package)}, {error}")
            continue
        problems += [f"{file.relative_to(package)}, {left}" for left in prefixer.unprefixed(moved)]
        file.write_text(moved, encoding="utf-8")
    if problems:
        raise SetupError(f"These imports cannot be moved into {PACKAGE}:\n" + "\n".join(problems))


def module_names(package: Path) -> set[str]:
    """Dotted names of the modules and packages below a folder; the folder's own files do not count.

    A folder without Python files, such as `configs/prompts`, is a package of data and counts too.
    """
    folders = [folder for folder in package.iterdir() if folder.is_dir()]
    names = set()
    for folder in folders:
        below = [folder, *folder.rglob("*")]
        for path in below:
            parts = path.relative_to(package).with_suffix("").parts
            if path.is_dir() or (path.suffix == ".py" and path.stem != "__init__"):
                names.add(".".join(parts))
    return set(filter(_is_dotted_name, names))


def _is_dotted_name(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))
