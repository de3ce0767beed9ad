"""What the tests of office formats share: files that are loaded, archives that are changed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from kg.documents.load import LoadedFile, load_file


def load(folder: Path, name: str, data: bytes) -> LoadedFile:
    """Write a file and load it."""
    path = folder / name
    path.write_bytes(data)
    return load_file(path, name)


def text_of(loaded: LoadedFile) -> str:
    """The text of a file that holds one document, and nothing that was lost."""
    assert not loaded.errors, loaded.errors
    (document,) = loaded.documents
    return document.text


def archive_of(members: Mapping[str, str | bytes]) -> bytes:
    """A ZIP file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def changed(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A ZIP file with one member changed, or added."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members: dict[str, str | bytes] = {member: archive.read(member) for member in archive.namelist()}
    members[name] = change(bytes(members.get(name, b"")))
    return archive_of(members)
