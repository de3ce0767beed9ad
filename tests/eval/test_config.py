from pathlib import Path

import pytest
import yaml

from eval.config import Experiment, load_experiment, parse_experiment
from models.errors import ConfigError
from tests.eval.scripted import EXPERIMENT, write_world


def experiment(**changes):
    return parse_experiment(yaml.safe_dump({**EXPERIMENT, **changes}), Path("/somewhere"))


def test_paths_start_at_the_files_folder(tmp_path):
    file = tmp_path / "deep" / "x.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump({**EXPERIMENT, "task": {"path": "../q.jsonl"}, "reader": "my.yaml"}))
    loaded = load_experiment(file)
    assert loaded.path(loaded.task.paths[0]).resolve() == (tmp_path / "q.jsonl").resolve()
    assert loaded.reader_name == str(tmp_path / "deep" / "my.yaml")


def test_a_closed_book_arm_is_always_there():
    assert [arm.name for arm in experiment(arms=["rag"]).arms] == ["closed-book", "rag"]
    assert [arm.name for arm in experiment(arms=[{"name": "bare"}, "rag"]).arms] == ["bare", "rag"]


def test_default_comparisons_are_those_whose_arms_are_there():
    pairs = experiment(arms=["closed-book", "rag", "graph-rag"]).pairs
    assert pairs == (("rag", "closed-book"), ("graph-rag", "closed-book"), ("graph-rag", "rag"))
    own = experiment(arms=["closed-book", "rag", "oracle"], comparisons=[["oracle", "rag"]])
    assert own.pairs == (("oracle", "rag"),)


def test_every_training_seed_has_its_settings():
    arms = ["lora"]
    train = {"epochs": 2, "seed": 5}
    assert [*experiment(arms=arms, train=train).train.configs()] == [5]
    configs = experiment(arms=arms, train={**train, "seeds": [1, 2]}).train.configs()
    assert {seed: (config.seed, config.epochs) for seed, config in configs.items()} == {1: (1, 2), 2: (2, 2)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"arms": ["rag", "rag"]}, "different names"),
        ({"arms": ["lora"]}, 'add a section "train"'),
        ({"arms": ["ragg"]}, "Unknown arm"),
        ({"arms": "rag"}, "list of arms"),
        ({"documents": None}, 'add a section "documents"'),
        ({"documents": {"path": "a", "realtimeqa": {"file": "b"}}}, "either"),
        ({"comparisons": [["rag", "lora"]]}, "not there: lora"),
        ({"passages": 0}, "passages"),
        ({"contxt_tokens": 5}, "contxt_tokens"),
        ({"index": {"chunk_tokens": 1}}, "chunk_tokens"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_it(changes, reason):
    with pytest.raises(ConfigError, match="experiment") as error:
        experiment(**changes)
    assert reason in str(error.value)


def test_an_experiment_can_be_written_in_python(tmp_path):
    made = Experiment(folder=tmp_path, **EXPERIMENT)
    assert made == parse_experiment(yaml.safe_dump(EXPERIMENT), tmp_path)


def test_a_missing_experiment_is_an_error():
    with pytest.raises(ConfigError, match=r"settings of an experiment at missing\.yaml, but it cannot be read"):
        load_experiment("missing.yaml")
    with pytest.raises(ConfigError, match=r"Unknown experiment 'missing'. Expected one of: .*; or a YAML file"):
        load_experiment("missing")


def test_settings_are_changed_by_name(tmp_path: Path) -> None:
    file = write_world(tmp_path)
    before = load_experiment(file)
    changed = load_experiment(file, {"index.store": "neo4j", "index.resolve.similarity": 0.9, "passages": 4})
    assert (changed.index.store, changed.index.resolve.similarity, changed.passages) == ("neo4j", 0.9, 4)
    assert changed.index.model_copy(update={"store": "sqlite", "resolve": before.index.resolve}) == before.index
    with pytest.raises(ConfigError, match=r"index: Unknown setting 'stoer'\. Did you mean 'store'\?"):
        load_experiment(file, {"index.stoer": "neo4j"})
    with pytest.raises(ConfigError, match="not a mapping"):
        load_experiment(file, {"name.deeper": 1})
