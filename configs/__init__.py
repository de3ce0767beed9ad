"""The configuration files, shipped as package data: models, adapters, systems, experiments, prompts."""

from importlib.resources import files


def shipped_names(folder: str, suffix: str = ".yaml") -> list[str]:
    """Short names of the files in one of the folders, sorted: what a user may write instead of a path.

    Example:
        >>> "rag" in shipped_names("systems"), "answer" in shipped_names("prompts", ".md")
        (True, True)
    """
    names = [entry.name for entry in (files(__name__) / folder).iterdir()]
    return sorted(name.removesuffix(suffix) for name in names if name.endswith(suffix))
