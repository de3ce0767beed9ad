"""The child process that holds a llama.cpp server: run by path, knows nothing else of GRAFT.

One line of JSON on standard input says what to load; one line on standard output says where it listens; the log
of llama.cpp goes to standard error. It ends when its parent does, however that ends: standard input is a pipe that
closes with the parent, and the parent's process id is watched too, in case a fork of the parent keeps the pipe
open. (Linux' parent-death signal is no help: it fires when the *thread* that started us ends.)
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

_WATCH_S = 1.0


def main() -> None:
    """Serve until the parent is gone."""
    # Ctrl-C reaches the whole process group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    threading.Thread(target=_end_with_parent, args=(settings["parent"],), daemon=True).start()
    # Whatever native code writes to standard output belongs in the log, not in our one line.
    announcement = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    server = _serve(settings)
    announcement.write(server.listening_address + "\n")
    announcement.close()
    while True:
        time.sleep(3600)


def _serve(settings: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["gguf"]
    params.model_alias = {settings["alias"]}
    params.api_keys = [settings["key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = settings["parallel"]
    # llama.cpp shares its context out among the slots.
    params.n_ctx = settings["context_tokens"] * settings["parallel"]
    params.fit_params = False
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    params.cont_batching = True
    params.cache_prompt = True
    # The prefix that requests share stays in its slot; a second copy in memory (8 GiB by default) is of no use.
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    if settings["lora"] is not None:
        lora = xllamacpp.CommonAdapterLoraInfo()
        lora.path, lora.scale = settings["lora"], 1.0
        params.lora_adapters = [lora]
    params.ui = False
    params.endpoint_slots = False
    return xllamacpp.Server(params)


def _end_with_input() -> None:
    while sys.stdin.read(4096):
        pass
    os._exit(0)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(0)


if __name__ == "__main__":
    main()
