"""The kill harness as a command: whatever is killed, the last process ends in the same store and asks nothing twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def kill(points):
    command = [sys.executable, "-W", "error", "-m", "tests.kg.kill", "--points", str(points), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert done.returncode == 0, (figures, done.stderr)
    assert figures["kill points"] >= points
    assert figures["  of these in recovery"] > points / 5
    assert (figures["digest mismatches"], figures["finished calls repeated"], figures["broken ends"]) == (0, 0, 0)
    return figures


def test_killed_at_some_of_its_operations_a_build_goes_on_to_the_same_store():
    assert kill(36)["  of these hit"] >= 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_every_operation_and_five_hundred_times_in_all():
    figures = kill(500)
    assert figures["  of these hit"] == figures["moments around operations"] > 100
