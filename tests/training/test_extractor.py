"""A student of a workspace's extractor: what it is shown, what it learns, and that it is used like any model."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from kg.build import BuildModels, build
from kg.config import ExtractConfig, IndexConfig
from kg.extraction.chat import TRAINED_FORM, ChatExtractor
from kg.extraction.proposals import ExtractionReply, proposals, reply_schema
from kg.extraction.registry import open_extractor
from kg.language.sentences import RuleSentences
from kg.workspace import Workspace
from models.calls.records import Records
from models.calls.structured import parse_structured
from models.config import TransformersModel, adapter_of, load_model
from models.errors import ConfigError, InputError, ModelError
from models.factory import open_chat
from tests.kg.scripted import ScriptedChat, write_sources
from training.config import TrainConfig
from training.extractor import DEFAULTS, extractor_texts, train_extractor
from training.runs.adapter import read_manifest


class Letters:
    """An encoder that nothing here depends on."""

    name, digest, dimension = "letters", "letters-1", 2

    def encode(self, texts, kind="passage"):
        import numpy as np

        return np.full((len(texts), 2), 0.5**0.5, dtype=np.float32)


@pytest.fixture
def workspace(tmp_path: Path):
    config = IndexConfig(extractor="scripted", extract=ExtractConfig(gleaning="none"))
    with Workspace.create(tmp_path / "kb", config) as made:
        build(made, write_sources(tmp_path / "docs"), BuildModels(ScriptedChat(), Letters(), RuleSentences()))
        yield made


def test_the_student_is_shown_each_passage_and_the_facts_that_stood_up(workspace: Workspace) -> None:
    texts = extractor_texts(workspace)
    assert len(texts) == 3
    first = texts[0]
    assert first.prompt[-1].content.startswith("Title: ")
    assert "Ada Lorne founded Marrow & Finch" in first.prompt[-1].content
    assert [message.role for message in first.prompt] == ["system", "user"]
    answer = parse_structured(first.text, reply_schema(TRAINED_FORM.style, 30, density=20))
    facts = {(p.subject, p.predicate, p.object) for p in proposals(ExtractionReply(**answer))}
    assert ("Ada Lorne", "founded", "Marrow & Finch") in facts


def test_a_workspace_without_facts_teaches_nothing(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "kb", IndexConfig(extractor="none")) as made:
        build(made, write_sources(tmp_path / "docs"), BuildModels(None, Letters(), RuleSentences()))
        with pytest.raises(InputError, match="index documents"):
            extractor_texts(made)


def chat_base(tiny_base: str, folder: Path) -> str:
    """The tiny base with a chat template."""
    import shutil

    weights = Path(tiny_base).parent / "weights"
    shutil.copytree(weights, folder / "weights")
    settings = json.loads((weights / "config.json").read_text())
    (folder / "weights" / "config.json").write_text(json.dumps(settings | {"max_position_embeddings": 4096}))
    (folder / "weights" / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}a:{% endif %}"
    )
    file = folder / "chat.yaml"
    file.write_text(f"backend: transformers\nweights: {folder / 'weights'}\ndtype: float32\ndevice: cpu\n")
    return str(file)


def test_the_student_is_trained_once_and_opened_as_an_extractor(
    workspace: Workspace, tiny_base: str, tmp_path: Path
) -> None:
    base = chat_base(tiny_base, tmp_path)
    config = TrainConfig(rank=2, epochs=1, sequence_length=2048, targets="attention")
    file = train_extractor(workspace, base, config, "student")
    assert train_extractor(workspace, base, config, "student") == file
    model = load_model(str(file))
    folder = adapter_of(str(file), model)
    assert folder is not None
    assert json.loads((folder / "graft.json").read_text())["texts"] == {"extraction": 3}
    with closing(open_chat(str(file), Records(tmp_path / "calls.sqlite"))) as chat:
        reads = open_extractor(IndexConfig(extractor=str(file)), chat, RuleSentences())
    assert isinstance(reads, ChatExtractor)
    assert (reads.config.style, reads.config.domain) == (TRAINED_FORM.style, TRAINED_FORM.domain)
    assert str(tmp_path) not in file.read_text().replace(str(tmp_path / "weights"), "")


def test_examples_that_are_too_long_are_left_out_and_counted(
    workspace: Workspace, tiny_base: str, tmp_path: Path
) -> None:
    base = chat_base(tiny_base, tmp_path)
    lengths = []
    for text in extractor_texts(workspace):
        lengths.append(sum(len(message.content) for message in text.prompt) + len(text.text))
    shortest = min(lengths)
    config = TrainConfig(rank=2, epochs=1, sequence_length=shortest + 20, targets="attention")
    file = train_extractor(workspace, base, config, "short")
    assert 1 <= json.loads((file.with_suffix("") / "graft.json").read_text())["left_out"] <= 2
    with pytest.raises(InputError, match="sequence_length"):
        train_extractor(workspace, base, config.model_copy(update={"sequence_length": 16}), "none")


def test_a_refused_run_is_not_in_the_way_of_the_next(workspace: Workspace, tiny_base: str, tmp_path: Path) -> None:
    base = chat_base(tiny_base, tmp_path)
    config = TrainConfig(rank=2, epochs=1, sequence_length=16, targets="attention")
    with pytest.raises(InputError, match="raise it"):
        train_extractor(workspace, base, config, "v1.5")
    file = train_extractor(workspace, base, config.model_copy(update={"sequence_length": 2048}), "v1.5")
    assert file == workspace.adapters_dir / "v1.5.yaml"
    assert read_manifest(workspace.adapters_dir / "v1.5").texts == {"extraction": 3}
    with pytest.raises(ConfigError, match="already has the adapter"):
        train_extractor(workspace, str(file), config, "second")


def test_a_student_keeps_the_settings_of_its_base(workspace: Workspace, tiny_base: str, tmp_path: Path) -> None:
    base = chat_base(tiny_base, tmp_path)
    config = TrainConfig(rank=2, epochs=1, sequence_length=2048, targets="attention")
    model = load_model(str(train_extractor(workspace, base, config, "student")))
    assert isinstance(model, TransformersModel)
    assert (model.dtype, model.device, model.trained_for) == ("float32", "cpu", "extraction")


def test_a_template_that_knows_no_system_role_is_named(workspace: Workspace, tiny_base: str, tmp_path: Path) -> None:
    base = chat_base(tiny_base, tmp_path)
    (tmp_path / "weights" / "chat_template.jinja").write_text(
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    )
    with pytest.raises(ModelError, match="refuses the roles system, user"):
        train_extractor(workspace, base, TrainConfig(rank=2, epochs=1, sequence_length=2048), "student")


def test_the_defaults_hold_a_passage_with_its_answer() -> None:
    assert DEFAULTS.sequence_length >= 3 * IndexConfig().chunk_tokens
