"""No part of a key reaches a stream or a file, whatever the server, the libraries and the environment do with it."""

import os
import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
import yaml

from tests.app.command import graft
from tests.app.scripted import ENCODER, PLAINLY
from tests.models.echoing_server import echoing
from tests.models.faulty_server import serving

ROOT = Path(__file__).resolve().parents[2]
KEY = "tk-Wn63vYpA1sDf8hJkQ2rT0xZe"
SERVED = {"backend": "openai", "model": "m", "retries": 1, "timeout_s": 5, "parallel": 1, "api_key_env": "BIRD_KEY"}


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in [*os.environ]:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def model_file(url, **settings):
    file = Path("model.yaml")
    file.write_text(yaml.safe_dump({**SERVED, "base_url": url, **settings}), encoding="utf-8")
    return file


def command(*arguments, **environment):
    """Run `graft` as a process of its own, with these variables."""
    program = "import sys; from app.cli import main; sys.argv[0] = 'graft'; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def shown(text):
    """Pieces of the key, 8 characters each, that a text holds in clear, base64 or hexadecimal."""
    forms = (KEY, b64encode(f"Bearer {KEY}".encode()).decode()[12:], KEY.encode().hex())
    return [
        form[at : at + 8] for form in forms for at in range(len(form) - 7) if form[at : at + 8].lower() in text.lower()
    ]


def leaks(folder):
    found = {path: shown(path.read_bytes().decode("latin-1")) for path in folder.rglob("*") if path.is_file()}
    return [path for path, pieces in found.items() if pieces]


@pytest.fixture
def knowledge_base(articles):
    assert graft("index", "articles", "-w", "kb", "--encoder", ENCODER, "--extractor", "none", *PLAINLY, "-q").code == 0


@pytest.mark.parametrize(
    ("place", "form"),
    [("answer", "whole"), ("answer", "shortened"), ("prose", "half"), ("error 401", "whole"), ("error 400", "base64"),
     ("error 429", "masked"), ("broken", "cut by an excerpt"), ("redirect", "url"), ("stream", "whole")],
)  # fmt: skip
def test_no_stream_and_no_file_holds_what_a_server_repeats(place, form, knowledge_base, monkeypatch):
    monkeypatch.setenv("BIRD_KEY", KEY)
    with serving(echoing(place, form), models=[KEY]) as server:
        file = model_file(server.url)
        asked = graft("ask", "What is Lake Oune?", "-w", "kb", "--retriever", "bm25", "--model", file, "--json")
        built = graft(
            "index", "articles", "-w", "kb2", "--encoder", ENCODER, "--extractor", file, *PLAINLY, "-q", "--json"
        )
    assert server.seen
    for outcome in (asked, built):
        assert "Traceback" not in outcome.err
        assert not shown(outcome.out + outcome.err)
    assert not leaks(Path())


def test_logs_and_tracebacks_of_libraries_hold_no_key(knowledge_base):
    with serving(echoing("error 403", "whole")) as server:
        file = model_file(server.url.replace("://", "://ann:godwit-2207@"), api_key_header="X-Bird")
        program = ("ask", "What is Lake Oune?", "-w", "kb", "--retriever", "bm25", "--model", file)
        done = command(*program, BIRD_KEY=KEY, OPENAI_LOG="debug", GRAFT_DEBUG="1")
    assert done.returncode == 4, done.stderr
    assert "DEBUG" in done.stderr
    assert "Traceback" in done.stderr
    assert not shown(done.stdout + done.stderr)
    assert "godwit" not in done.stdout + done.stderr
    assert not leaks(Path("kb"))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('BIRD_KEY="{}\\n"', "a line end"),
        pytest.param("BIRD_KEY='\"{}\"'", "a quotation mark", marks=pytest.mark.slow),
        pytest.param("BIRD_KEY='{} '", "a space", marks=pytest.mark.slow),
        pytest.param("BIRD_KEY={}é", "outside ASCII", marks=pytest.mark.slow),
        pytest.param('BIRD_KEY="{}\\r"', "a line end", marks=pytest.mark.slow),
    ],
)
def test_a_faulty_key_in_dotenv_is_named(line, fault, knowledge_base):
    Path(".env").write_text(line.format(KEY), encoding="utf-8")
    file = model_file("http://127.0.0.1:9/v1")
    done = command("ask", "What is Lake Oune?", "-w", "kb", "--retriever", "bm25", "--model", file)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "BIRD_KEY" in line
    assert fault in line
    assert not shown(line)


@pytest.mark.parametrize("content", [f"BIRD_KEY={KEY}ü".encode("latin-1"), f"BIRD_KEY={KEY}\0".encode()])
def test_a_dotenv_that_cannot_be_read_is_one_sentence(content, monkeypatch):
    Path(".env").write_bytes(content)
    message = graft("models", "ls").error(2)
    assert ".env" in message
    assert not shown(message)


def test_what_a_person_types_in_the_wrong_place_is_not_repeated():
    done = graft("ask", "Who?", f"--api-key=sk-{'a1b2c3d4' * 4}")
    assert done.code == 2
    assert not re.search("a1b2", done.err)
    assert "swan-4711" not in graft("ask", "Who?", "--model", "http://ann:swan-4711@host/v1").err


@pytest.mark.parametrize(
    ("uri", "shown_uri"),
    [
        ("neo4j://ann:fulmar-31@db.example:7687", "neo4j://db.example:7687"),
        ("bolt://:fulmar-31@db.example", "bolt://db.example"),
        ("neo4j+s://fulmar-31@db.example:1", "neo4j+s://db.example:1"),
        ("neo4j://ann:fulmar/31@db.example", "neo4j://db.example"),
        ("neo4j://ann:fulmar@31@db.example", "neo4j://db.example"),
    ],
)
def test_a_password_in_the_address_of_a_database_is_refused_and_not_shown(uri, shown_uri, knowledge_base, monkeypatch):
    monkeypatch.setenv("NEO4J_PASSWORD", "plover-92-x")
    monkeypatch.setenv("NEO4J_URI", uri)
    message = graft("neo4j", "push", "-w", "kb").error(2)
    assert shown_uri in message
    assert "fulmar" not in message
    assert "31@" not in message
    assert not graft("doctor", "--json").out.count("fulmar")
