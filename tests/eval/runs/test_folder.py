from dataclasses import replace

import pytest

from eval.runs.folder import RunFolder, create_run, find_runs, results_digest, run_folders
from eval.types import Item, Sample
from models.errors import StoreError

SAMPLE = Sample("rag", "q1", "1", "1", 1.0, {}, (-0.5,), 9, 0, 0.1)
ITEMS = [Item("q1", "?", ("a", "b"), 1, ("b",))]
MANIFEST = {"name": "tides", "config_hash": "ab" * 16, "inputs": {"items": "1"}}


def test_a_new_run_has_config_items_and_manifest(tmp_path):
    run = create_run(tmp_path / "runs", MANIFEST, "name: tides\n", ITEMS)
    assert run.name.endswith("-tides-abababab")
    assert run.items() == tuple(ITEMS)
    assert run.file("config.yaml").read_text() == "name: tides\n"
    manifest = run.manifest()
    assert manifest["inputs"] == {"items": "1"}
    assert (manifest["run"], manifest["finished"], manifest["schema_version"]) == (run.name, None, 1)
    assert manifest["versions"]["python"].startswith("3.")


def test_two_runs_of_one_second_are_two_folders(tmp_path):
    first, second = (create_run(tmp_path, MANIFEST, "", ITEMS) for _ in range(2))
    assert first.path != second.path
    assert {run.name for run in run_folders(tmp_path)} == {first.name, second.name}


def test_a_run_is_found_by_configuration_and_inputs(tmp_path):
    run = create_run(tmp_path, MANIFEST, "", ITEMS)
    create_run(tmp_path, {**MANIFEST, "inputs": {"items": "2"}}, "", ITEMS)
    create_run(tmp_path, {**MANIFEST, "config_hash": "cd" * 16}, "", ITEMS)
    assert find_runs(tmp_path, MANIFEST["config_hash"], {"items": "1"}) == [run]
    assert find_runs(tmp_path / "none", "", {}) == []


def test_mappings_of_the_manifest_are_merged(tmp_path):
    run = create_run(tmp_path, {**MANIFEST, "digests": {"store": "s"}}, "", ITEMS)
    run.update_manifest(digests={"encoder": "e"}, finished="now")
    assert run.manifest()["digests"] == {"store": "s", "encoder": "e"}
    assert run.manifest()["finished"] == "now"


def test_the_digest_covers_answers_and_not_time_or_order():
    other = replace(SAMPLE, item_id="q2")
    assert results_digest([SAMPLE, other]) == results_digest([other, replace(SAMPLE, seconds=9.0, cost_usd=1.0)])
    for change in ({"prediction": "0"}, {"correct": 0.0}, {"scores": (-0.25,)}, {"error": "x"}, {"tokens_in": 8}):
        assert results_digest([SAMPLE]) != results_digest([replace(SAMPLE, **change)])


def test_a_folder_without_a_manifest_is_an_error(tmp_path):
    with pytest.raises(StoreError, match=r"manifest\.json"):
        RunFolder(tmp_path).manifest()
