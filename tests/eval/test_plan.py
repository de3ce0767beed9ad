from eval.config import load_experiment
from eval.experiment import run_experiment
from eval.plan import plan_experiment, speed_of
from tests.eval.scripted import write_world


def stages(made):
    return {stage.name: stage for stage in made.stages}


def test_a_plan_counts_the_inputs_and_opens_no_model(tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("SCRIPTED_LOG", str(log))
    made = plan_experiment(load_experiment(write_world(tmp_path)), tmp_path / "kb")
    assert (made.documents, made.passages, made.items, made.arms) == (3, 5, 4, 3)
    found = stages(made)
    assert [found[f"answer: {arm}"].calls for arm in ("closed-book", "oracle", "rag")] == [4, 4, 4]
    bare = found["answer: closed-book"].tokens_in
    assert bare < found["answer: rag"].tokens_in == found["answer: oracle"].tokens_in <= bare + 4 * 60
    assert made.to_json()["total"]["calls"] == 12
    assert not log.exists()
    assert not (tmp_path / "kb").exists()


def test_finished_stages_are_not_planned_again(tmp_path):
    experiment = load_experiment(write_world(tmp_path))
    run_experiment(experiment, workspace=tmp_path / "kb")
    total = plan_experiment(experiment, tmp_path / "kb").to_json()["total"]
    assert total == {"calls": 0, "tokens_in": 0, "tokens_out": 0, "seconds": 0, "usd": 0}


def test_extraction_paraphrases_and_training_are_planned(tmp_path):
    changes = {
        "index": {"extractor": "qwen-1.5b", "encoder": "minilm"},
        "reader": "smollm2-135m",
        "train": {"epochs": 3, "paraphrases": 2, "seeds": [1, 2]},
        "arms": ["rag", "lora"],
    }
    made = plan_experiment(load_experiment(write_world(tmp_path, **changes)), tmp_path / "kb")
    found = stages(made)
    assert found["extract"].calls == made.passages
    assert found["paraphrase"].calls == 2 * made.passages
    assert found["train: seed 1"].tokens_in == found["train: seed 2"].tokens_in > 3 * 3 * 10
    assert found["train: seed 1"].seconds == found["train: seed 1"].tokens_in / speed_of("smollm2-135m").train
    assert {name for name in found if name.startswith("answer")} == {
        *("answer: closed-book", "answer: rag", "answer: lora#1", "answer: lora#2", "answer: oracle"),
    }
    assert made.arms == 5
