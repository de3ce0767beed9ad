"""Stands in for the llama.cpp server of `models/servers/llamacpp_child.py`: answers by rule, and dies as told.

It speaks the same protocol (settings in, address out, /health) and ends itself by SIGKILL where a prompt holds a given
word, as long as a file still grants it deaths:

    python -m tests.kg.dying_server WORD DEATHS_FILE
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from tests.kg.scripted import read_by_rule
from tests.models.faulty_server import Handler, completion, serving


def main(word: str, deaths: Path) -> None:
    """Serve until standard input closes."""
    sys.stdin.readline()

    def play(handler: Handler) -> None:
        prompt = handler.asked["messages"][-1]["content"]
        left = int(deaths.read_text(encoding="utf-8"))
        if word in prompt and left:
            deaths.write_text(str(left - 1), encoding="utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
        handler.send(200, completion(json.dumps(read_by_rule(prompt.split("\n", 1)[1]))))

    with serving(play, models=[]) as server:
        sys.stdout.write(server.url.removesuffix("/v1") + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
