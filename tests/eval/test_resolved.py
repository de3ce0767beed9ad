import pytest

from eval.config import load_experiment
from eval.resolved import portable, resolve_experiment
from models.errors import ConfigError, InputError
from tests.eval.scripted import write_world


def resolve(folder, **changes):
    return resolve_experiment(load_experiment(write_world(folder, **changes)))


def test_the_hash_changes_with_what_changes_an_answer_only(tmp_path):
    first = resolve(tmp_path)
    assert resolve(tmp_path, workspace="other").config_hash == first.config_hash
    assert resolve(tmp_path, context_tokens=61).config_hash != first.config_hash
    train = {"arms": ["lora"], "reader": "smollm2-135m", "train": {"checkpoint_steps": 5}}
    lora = resolve(tmp_path, **train)
    assert resolve(tmp_path, **{**train, "train": {"checkpoint_steps": 9}}).config_hash == lora.config_hash
    assert resolve(tmp_path, **{**train, "train": {"rank": 9}}).config_hash != lora.config_hash


def test_a_models_own_settings_are_part_of_the_hash(tmp_path):
    (tmp_path / "mine.yaml").write_text("backend: transformers\nweights: smollm2-135m-instruct\n")
    first = resolve(tmp_path, reader="mine.yaml")
    assert first.models["reader"]["dtype"] == "auto"
    (tmp_path / "mine.yaml").write_text("backend: transformers\nweights: smollm2-135m-instruct\ndtype: float32\n")
    assert resolve(tmp_path, reader="mine.yaml").config_hash != first.config_hash


def test_inputs_are_digests_of_content(tmp_path):
    first = resolve(tmp_path).inputs
    (tmp_path / "articles" / "lake.md").write_text("Changed.")
    changed = load_experiment(tmp_path / "experiment.yaml")
    assert {name for name, value in resolve_experiment(changed).inputs.items() if value != first[name]} == {"documents"}


def test_nothing_absolute_or_secret_is_written_down(tmp_path):
    config = resolve(tmp_path, documents={"path": str(tmp_path / "articles")}).yaml()
    assert str(tmp_path) not in config
    assert "path: articles" in config
    assert portable(["~/w", "a/b", 3, None]) == ["w", "a/b", 3, None]
    assert portable("https://ann:secret@api.example/v1?key=1") == "https://api.example/v1"


def test_missing_inputs_are_an_error_before_anything_is_opened(tmp_path):
    with pytest.raises(InputError, match=r"Expected documents at .*nowhere, but nothing is there"):
        resolve(tmp_path, documents={"path": "nowhere"})
    with pytest.raises(InputError, match=r"nowhere\.jsonl"):
        resolve(tmp_path, task={"path": "nowhere.jsonl"})
    with pytest.raises(ConfigError, match="Unknown model"):
        resolve(tmp_path, reader="gpt-9")
