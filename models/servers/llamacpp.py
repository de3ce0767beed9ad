"""A chat model from a GGUF file: a llama.cpp server of our own on loopback, behind the OpenAI client.

The server starts with the first call and ends with `close()`, with this process, or with this object. It decodes
`parallel` requests at once in one batch, keeps the prefix that a slot's requests share, and constrains replies to a
JSON schema while it writes them.

    chat = LlamaCppChat(LlamaCppModel(weights="qwen2.5-coder-1.5b-instruct"), resolve("qwen2.5-coder-1.5b-instruct"))
"""

from __future__ import annotations

import threading
from pathlib import Path

from models.config import LlamaCppModel, OpenAIModel
from models.errors import ConfigError, ModelError, OutputError, RefusalError
from models.files.digest import digest
from models.local.causal import adapter_digest
from models.protocols import ChatRequest, Completion
from models.runtime.processors import processors
from models.servers.llamacpp_process import LlamaProcess, ServerSettings
from models.servers.lora_gguf import to_lora_gguf
from models.servers.openai_chat import OpenAIChat
from models.weights.resolve import Weights


class LlamaCppChat:
    """`ChatModel` over a GGUF file. Safe to call from several threads."""

    def __init__(self, config: LlamaCppModel, weights: Weights, adapter: Path | None = None) -> None:
        """Prepare; nothing is started before the first call.

        Args:
            config: Length of the context, number of slots and threads, time limit.
            weights: Resolved weights; they must be a GGUF file.
            adapter: Folder of a PEFT LoRA adapter of these weights.
        Raises:
            ConfigError: The weights are no GGUF file, or the adapter is no plain LoRA adapter.
            ModelError: The adapter does not fit the weights.
        """
        if weights.gguf is None:
            raise ConfigError(
                f"The llamacpp backend needs a GGUF file, but {weights.name} is a folder of safetensors. "
                "Use the transformers backend for it, or give the path of a .gguf file."
            )
        self.name = weights.name if adapter is None else f"{weights.name}+{adapter.name}"
        self.price = config.price
        self.trained_for = config.trained_for
        self._config = config
        adapter_digests = [] if adapter is None else [adapter_digest(adapter)]
        self._digest = digest("llamacpp-chat-1", weights.digest, config.context_tokens, *adapter_digests)
        self._settings = ServerSettings(
            weights.gguf,
            weights.name,
            config.context_tokens,
            config.parallel,
            config.threads or processors(),
            None if adapter is None else to_lora_gguf(adapter, weights),
        )
        self._lock = threading.Lock()
        self._second_tries = threading.Lock()  # held by the one call that is repeated after a crash
        self._process: LlamaProcess | None = None
        self._client: OpenAIChat | None = None

    @property
    def digest(self) -> str:
        """Names the weights and the context's length; slots and threads change speed only."""
        return self._digest

    @property
    def pid(self) -> int | None:
        """Process id of the server, None while there is none."""
        return self._process.pid if self._process is not None else None

    def complete(self, request: ChatRequest) -> Completion:
        """Reply to a request, starting the server if it does not run.

        Raises:
            ModelError: The server cannot be started, or ended twice while it worked on this request.
            RefusedPromptError: The conversation is longer than the context, or malformed.
            OutputError: The reply is empty, cut off under a schema, or breaks the schema.
        """
        process, client = self._running()
        try:
            return client.complete(request)
        except (RefusalError, OutputError):
            raise
        except ModelError:
            # A living server that fails a call would fail it again.
            if process.survives():
                raise
        # The server died. Once may be chance (another program took the memory) or another thread's request; twice is
        # this request: all calls that saw it die are repeated one at a time, and only the guilty one kills it again.
        with self._second_tries:
            return self._complete_again(request)

    def _complete_again(self, request: ChatRequest) -> Completion:
        process, client = self._running()
        try:
            return client.complete(request)
        except (RefusalError, OutputError):
            raise
        except ModelError as error:
            if process.survives():
                raise
            raise process.failure("The llama.cpp server ended twice while it worked on the same request") from error

    def close(self) -> None:
        """End the server; a later call starts a new one."""
        with self._lock:
            self._stop()

    def _running(self) -> tuple[LlamaProcess, OpenAIChat]:
        with self._lock:
            if self._process is None or self._client is None or not self._process.alive():
                # The client of a dead server is not closed: a thread that still reads from it could then wait for long.
                self._client = None
                self._stop()
                self._process = LlamaProcess(self._settings)
                self._client = self._connect(self._process)
            return self._process, self._client

    def _connect(self, process: LlamaProcess) -> OpenAIChat:
        config = OpenAIModel(
            base_url=f"{process.address}/v1",
            model=self._settings.alias,
            timeout_s=self._config.timeout_s,
            retries=self._config.retries,
            context_tokens=self._config.context_tokens,
            parallel=self._config.parallel,
            price=self._config.price,
        )
        check = f"The server's log is {process.log}."
        return OpenAIChat(config, name=self.name, api_key=process.key, check=check)

    def _stop(self) -> None:
        client, process = self._client, self._process
        self._client = self._process = None
        if client is not None:
            client.close()
        if process is not None:
            process.stop()
