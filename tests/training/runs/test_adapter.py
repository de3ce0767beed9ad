"""Reading finished adapters back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.errors import ConfigError
from models.factory import open_scorer
from models.servers.lora_gguf import remove_converted
from training.config import TrainConfig
from training.data.texts import TrainingText, texts_digest
from training.runs.adapter import (
    MANIFEST,
    adapter_digest,
    adapter_folder,
    flag_erased,
    list_adapters,
    read_manifest,
    read_usable,
    trained_on,
)
from training.train import train

CONFIG = TrainConfig(rank=2, epochs=1, sequence_length=64)


@pytest.fixture(scope="module")
def adapter(tiny_base: str, texts: tuple[TrainingText, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished adapter."""
    return train(tiny_base, texts, CONFIG, tmp_path_factory.mktemp("adapters") / "b")


def test_the_manifest_says_what_the_adapter_was_made_from(adapter: Path, texts: tuple[TrainingText, ...]) -> None:
    manifest = read_manifest(adapter)
    assert manifest.texts_digest == texts_digest(texts)
    assert manifest.adapter_digest == adapter_digest(adapter)
    assert manifest.config == CONFIG
    assert (manifest.base, manifest.base_weights, manifest.base_dtype) == ("tiny.yaml", "weights", "float32")
    assert manifest.versions.keys() == {"python", "torch", "transformers", "peft"}
    assert manifest.tokens_per_second > 0


def test_unfinished_and_foreign_folders_are_not_listed(adapter: Path) -> None:
    shutil.copytree(adapter, adapter.with_name("a"))
    shutil.copytree(adapter, adapter.with_name("c.partial"))
    adapter.with_name("notes").mkdir()
    assert [folder.name for folder, _ in list_adapters(adapter.parent)] == ["a", "b"]
    assert list_adapters(adapter / "nowhere") == ()


def test_a_damaged_manifest_is_named(adapter: Path, tmp_path: Path) -> None:
    values = json.loads((adapter / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**values, "steps": "many"}))
    with pytest.raises(ConfigError, match="steps"):
        read_manifest(tmp_path)


def test_an_adapter_names_what_it_was_trained_on_and_is_refused_once_that_is_erased(
    tiny_base: str, texts: tuple[TrainingText, ...], tmp_path: Path
) -> None:
    out = train(tiny_base, texts, CONFIG, tmp_path / "a")
    assert read_manifest(out).sources == tuple(sorted({text.source for text in texts}))
    assert trained_on(tmp_path, {"c:unknown"}) == flag_erased(tmp_path, {"c:unknown"}) == ()
    digest = read_usable(out).adapter_digest
    assert flag_erased(tmp_path, {texts[0].source, "c:unknown"}) == (out,)
    assert read_manifest(out).adapter_digest == digest
    uses = (
        lambda: read_usable(out),
        lambda: train(tiny_base, texts, CONFIG, out),
        lambda: open_scorer(tiny_base, adapter=out),
    )
    for use in uses:
        message = r"must not be used: .* erased\. Delete that folder, and train the adapter again"
        with pytest.raises(ConfigError, match=message):
            use()


def test_what_llama_cpp_was_given_of_an_erased_adapter_is_removed(adapter: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    digest = adapter_digest(adapter)
    copies = tmp_path / "cache" / "converted"
    copies.mkdir(parents=True)
    mine, another = copies / f"lora-1-{digest[:16]}-0123.gguf", copies / "lora-1-0123456789abcdef-0123.gguf"
    mine.touch(), another.touch()
    remove_converted(digest)
    assert list(copies.iterdir()) == [another]


@pytest.mark.parametrize("name", ["", "..", "a/b", "../out", "/tmp/out"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    assert adapter_folder(tmp_path, "v1.5") == tmp_path / "v1.5"
    with pytest.raises(ConfigError, match="without slashes"):
        adapter_folder(tmp_path, name)
