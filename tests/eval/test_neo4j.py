"""An experiment with its knowledge base in Neo4j has the same results as with the embedded store."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from eval.config import load_experiment
from eval.experiment import run_experiment
from eval.plan import plan_experiment
from eval.runs.folder import RunFolder
from eval.runs.results import RunResult
from kg.stores.neo4j.server import ServerAddress
from kg.workspace import Workspace
from tests.eval.scripted import write_world

pytestmark = pytest.mark.neo4j


def _arms(result: RunResult) -> list[dict[str, Any]]:
    return [asdict(replace(arm.result, seconds=0.0)) for arm in result.arms]


def _texts(result: RunResult) -> dict[tuple[str, str], str]:
    """Texts of the frozen contexts, by context key and item."""
    return {key: context.text for key, context in RunFolder(result.path).contexts().items()}


def test_the_same_experiment_with_another_store(
    neo4j_address: ServerAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_URI", neo4j_address.uri)
    monkeypatch.setenv("NEO4J_USERNAME", neo4j_address.username)
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_address.password)
    index = {"extractor": "nlp", "encoder": "tests.eval.scripted:Encoder", "chunk_tokens": 16}
    file = write_world(tmp_path, index=index, arms=["closed-book", "oracle", "rag", "graph-rag"])
    results = {}
    for store in ("sqlite", "neo4j"):
        experiment = load_experiment(file, {"index.store": store})
        results[store] = run_experiment(experiment, workspace=tmp_path / store)
    with Workspace.open(tmp_path / "neo4j") as space:
        try:
            digests = {store: RunFolder(result.path).manifest()["digests"] for store, result in results.items()}
            assert digests["sqlite"]["store"] == digests["neo4j"]["store"] == space.store.digest()
            assert _arms(results["sqlite"]) == _arms(results["neo4j"])
            one, other = (_texts(result) for result in results.values())
            assert one == other and all(one.values())
            planned = plan_experiment(load_experiment(file, {"index.store": "neo4j"}), tmp_path / "neo4j")
            assert [stage.calls for stage in planned.stages if stage.name == "extract"] in ([], [0])
        finally:
            space.store.clear()
