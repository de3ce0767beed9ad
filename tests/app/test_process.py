"""The command as a process of its own: its streams, its signals, its exit codes."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from tests.app.command import graft
from tests.app.scripted import ENCODER

ROOT = Path(__file__).parents[2]


def test_the_installed_command_shows_no_traceback():
    command = [sys.executable, "-m", "app.cli", "search", "Lake Oune", "--workspace", "nowhere"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("graft: Expected a workspace at nowhere")
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_stops_listening_ends_the_command_quietly(articles):
    assert graft("index", "articles", "-w", "kb", "--encoder", ENCODER, "--extractor", "none", "-q").code == 0
    search = [sys.executable, "-m", "app.cli", "search", "Lake Oune", "--workspace", str(Path("kb").absolute()), "-q"]
    with subprocess.Popen(search, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        child.stdout.close()
        assert child.stderr.read() == ""
    assert child.returncode == 1


def hear_interrupts() -> None:
    """Undo what a shell does to the commands it puts in the background: they are started deaf to SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_command_says_so_and_resumes(articles):
    folder = Path.cwd()
    arguments = ("index", "articles", "-w", "kb", "--encoder", ENCODER, "--extractor", "tests.app.scripted:Slow", "-q")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "app.cli", *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts
    ) as child:
        deadline = time.monotonic() + 60
        while child.poll() is None and time.monotonic() < deadline and not recorded():
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        message = child.stderr.read().strip()
    assert child.returncode == 130
    assert message.startswith("graft: Interrupted.")
    assert len(message.splitlines()) == 1
    known = recorded()
    assert known >= 1
    assert graft(*arguments, "--max-calls", str(3 - known)).code == 0


def recorded():
    """Passages read by a process that may not have made its database yet."""
    if not Path("kb", "graph.sqlite").is_file():
        return 0
    try:
        with closing(sqlite3.connect("kb/graph.sqlite")) as database:
            return database.execute("SELECT count(*) FROM calls").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
