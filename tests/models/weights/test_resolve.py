"""Resolving weights: local, hub, pinned; and the digest that names them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from models.errors import ConfigError, ModelError
from models.weights.manifest import PinnedModel
from models.weights.resolve import folder_digest, is_present, pinned_weights, resolve
from models.weights.wheels import model_folder


@pytest.fixture
def folder(cache: Path, tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "config.json").write_text("{}")
    (made / "README.md").write_text("a model")
    return made


def test_a_folder_is_named_by_what_it_computes(folder: Path, tmp_path: Path) -> None:
    weights = resolve(str(folder))
    assert (weights.folder, weights.gguf) == (folder, None)
    copied = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copied / "README.md").write_text("another text")
    assert resolve(str(copied)).digest == weights.digest
    (copied / "tokenizer.json").write_text("{}")
    assert resolve(str(copied)).digest != weights.digest


def test_the_pooling_of_an_encoder_counts(folder: Path) -> None:
    before = folder_digest(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    assert folder_digest(folder) != before


def test_a_gguf_file_or_its_folder(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(b"GGUF....")
    weights = resolve(str(file))
    assert (weights.folder, weights.gguf) == (None, file)
    assert resolve(str(tmp_path)).digest == weights.digest


def test_a_file_that_only_claims_to_be_gguf(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelError, match="begin with b'GGUF'"):
        resolve(str(file))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl"])
def test_pickles_are_refused_with_the_reason(name: str, cache: Path, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(b"\x80\x04")
    for asked in (file, tmp_path):
        with pytest.raises(ModelError, match="can run code"):
            resolve(str(asked))


def test_an_empty_folder_and_two_gguf_files(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no weights"):
        resolve(str(tmp_path))
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"a\.gguf, b\.gguf"):
        resolve(str(tmp_path))


def test_an_unknown_name_lists_the_pinned(cache: Path) -> None:
    with pytest.raises(ConfigError, match="smollm2-135m-instruct"):
        resolve("smollm3")
    with pytest.raises(ConfigError, match="hub:owner/name"):
        resolve("hub:justaname")


def test_the_hub_offline_says_so(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set") as caught:
        resolve("hub:nobody/nothing@main")
    assert "nobody/nothing at revision main" in str(caught.value)


def test_pinned_weights_changed_on_disk_are_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = next(model for model in pinned_weights() if model.kind == "gguf")
    assert model.file is not None
    folder = model_folder(model)
    folder.mkdir(parents=True)
    (folder / model.file).write_bytes(b"GGUF, but altered")
    with pytest.raises(ModelError, match="have changed since they were fetched"):
        resolve(model.name)


def test_presence_downloads_nothing(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(model: PinnedModel, progress: object) -> Path:
        raise AssertionError("downloads")

    monkeypatch.setattr("models.weights.resolve.fetch", refuse)
    name = pinned_weights()[0].name
    assert not is_present(name)
    model_folder(pinned_weights()[0]).mkdir(parents=True)
    assert is_present(name)
    assert is_present(str(tmp_path))
    assert not is_present("hub:owner/name")
