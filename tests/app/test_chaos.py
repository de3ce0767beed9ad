"""`graft index` against a server that refuses and garbles at random: killed, continued, repeated, paid once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.app.command import graft
from tests.app.scripted import ENCODER
from tests.models.chaos_server import Chaos, number_in
from tests.models.faulty_server import Handler, reset, serving

ROOT = Path(__file__).parents[2]
PASSAGES = 100
NAME = number_in(r"weir (\d{3}) was")


def reply(text: str) -> str:
    return json.dumps({"facts": [f"Ida Corran | built | weir {NAME(text)}"]})


@pytest.mark.slow
def test_every_passage_is_read_or_named_and_paid_once() -> None:
    sources = Path("weirs")
    sources.mkdir()
    for number in range(PASSAGES):
        (sources / f"{number:03}.txt").write_text(f"The weir {number:03} was built by Ida Corran.\n", encoding="utf-8")
    chaos = Chaos(7, NAME, reply)
    doomed = {f"{number:03}" for number in range(PASSAGES) if chaos.fate(f"{number:03}")[1] is not None}
    waiting, killed = threading.Event(), threading.Event()

    def play(handler: Handler) -> None:
        # From one call on nothing is answered, so that the process is killed with nothing in flight that was paid for.
        if chaos.calls >= PASSAGES // 2 and not killed.is_set():
            waiting.set()
            killed.wait(60)
            reset(handler)
        else:
            chaos(handler)

    with serving(play) as server:
        settings = {"backend": "openai", "base_url": server.url, "model": "m", "parallel": 8}
        Path("chaos.yaml").write_text(json.dumps(settings), encoding="utf-8")
        arguments = ("index", "weirs", "-w", "kb", "--encoder", ENCODER, "--extractor", "chaos.yaml", "-q", "--json")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            [sys.executable, "-m", "app.cli", *arguments], env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:  # fmt: skip
            assert waiting.wait(60)
            time.sleep(1)  # what was answered is on the disk
            child.kill()
        killed.set()
        second = graft(*arguments)
        calls = len(server.seen)
        third = graft(*arguments)
        assert len(server.seen) == calls
        assert second.code == third.code == 3
        assert second.json["failed"] == third.json["failed"] == len(doomed)
        assert second.json["counts"]["passages"] == {
            "total": PASSAGES, "done": PASSAGES - len(doomed), "failed": len(doomed), "skipped": 0,
        }  # fmt: skip
        assert second.json["facts"] >= PASSAGES - len(doomed)  # the parser adds its own
        assert all(len(failure["reason"]) > 40 for failure in second.json["failures"])
        graft(*arguments, "--retry-failed")
        retried = {NAME(json.dumps(body["messages"])) for body in server.seen[calls:]} - {""}
    assert retried == doomed
    assert {name: count for name, count in chaos.good.items() if name} == {
        f"{number:03}": 1 for number in range(PASSAGES) if f"{number:03}" not in doomed
    }
