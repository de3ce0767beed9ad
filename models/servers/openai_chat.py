"""A chat model behind any OpenAI-compatible server: hosted, vLLM, Ollama, or llama.cpp.

Knows the wire; leaves waiting and giving up to `retry.py`, and starting a server to `llamacpp.py`. The client
library's own retries are off: they take no `Retry-After` above a minute, do not see a body that breaks off or is
not JSON, and cannot say afterwards how often they tried.

    chat = OpenAIChat(OpenAIModel(base_url="http://127.0.0.1:8000/v1", model="qwen"))
    chat.complete(ChatRequest((Message("user", "Name a river."),))).text
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from models.calls.retry import RetryClock, RetryPolicy, TransientFailure, may_pass, retry_after_s, with_retries
from models.calls.structured import FORM_TRIES, excerpt, parse_structured
from models.config import OpenAIModel
from models.errors import OutputError, RefusalError
from models.files.digest import digest
from models.protocols import ChatRequest, Completion, Usage
from models.servers.replies import ServerReply, parse_reply

if TYPE_CHECKING:
    import openai

_CONNECT_S = 20.0
# The client library insists on a key; servers without one ignore it.
_NO_KEY = "none"


class OpenAIChat:
    """`ChatModel` over HTTP. Safe to call from several threads; at most `config.parallel` calls are in flight."""

    def __init__(
        self,
        config: OpenAIModel,
        name: str = "",
        api_key: str | None = None,
        clock: RetryClock | None = None,
        check: str = "",
    ) -> None:
        """Make a client; nothing is sent before the first call.

        Args:
            config: Address of the server, time limit, number of retries.
            name: Name in reports; the server's own name of the model if empty.
            api_key: The key itself; None takes it from the environment variable that `config` names.
            clock: Time and chance, for tests.
            check: What a person should check when the server stays unreachable, a sentence.
        """
        self.name = name or config.model
        self.price = config.price
        self._config = config
        self._address = _public(config.base_url)
        self._key = api_key if api_key is not None else os.environ.get(config.api_key_env) or None
        self._clock = clock or RetryClock()
        self._check = check or f"Check that a server answers at {self._address} and that it is not overloaded."
        self._slots = threading.BoundedSemaphore(config.parallel)
        self._lock = threading.Lock()
        self._client: openai.OpenAI | None = None
        self._limit_field = "max_tokens"

    @property
    def digest(self) -> str:
        """Names endpoint and model. Not the key: the model is the same under a new key."""
        return digest("openai-chat-1", self._address.rstrip("/"), self._config.model)

    def complete(self, request: ChatRequest) -> Completion:
        """Reply to a request.

        Raises:
            ModelError: The server cannot be reached or keeps failing, after all retries.
            RefusalError: It refuses: wrong key, unknown model, malformed or too long a request.
            OutputError: The reply is empty, cut off under a schema, or breaks the schema: twice in the same words,
                or `FORM_TRIES` times in different ones.
        """
        if request.schema is None:
            return self._call(request)
        return self._structured(request, request.schema)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _structured(self, request: ChatRequest, schema: dict[str, Any]) -> Completion:
        """A reply that satisfies the schema, with the tokens and seconds of the rejected ones before it.

        A greedy model that breaks the schema writes the very same again, so a repetition ends the tries. What differs
        from try to try is a sampler's chance or some proxy's garbage, and worth another try.
        """
        usage, seconds, rejected = Usage(), 0.0, list[str]()
        while True:
            try:
                # Another seed is another sample, and makes a proxy that caches replies pass the request on.
                completion = self._call(replace(request, seed=request.seed + len(rejected)))
            except OutputError as error:
                error.tokens_in += usage.tokens_in
                error.tokens_out += usage.tokens_out
                raise
            usage, seconds = usage + completion.usage, seconds + completion.seconds
            try:
                parsed = parse_structured(completion.text, schema)
            except OutputError as error:
                repeated = completion.text in rejected
                rejected.append(completion.text)
                if repeated or len(rejected) == FORM_TRIES:
                    how = "The same reply came again" if repeated else f"{len(rejected)} different replies came"
                    message = f"{error} {how}. Take a stronger model, or a server that enforces the schema."
                    raise OutputError(message, usage.tokens_in, usage.tokens_out) from error
            else:
                return replace(completion, parsed=parsed, usage=usage, seconds=seconds)

    def _call(self, request: ChatRequest) -> Completion:
        """One reply, over as many tries as it takes; not yet checked against the schema."""
        policy = RetryPolicy(attempts=self._config.retries + 1)
        target = f"The model {self.name} at {self._address}"
        reply, seconds = with_retries(lambda: self._try(request), target, self._check, policy, self._clock)
        return Completion(reply.text, reply.usage, reply.finish_reason, seconds)

    def _try(self, request: ChatRequest) -> tuple[ServerReply, float]:
        # Waiting for a slot is not the model's time.
        with self._slots:
            started = time.perf_counter()
            body = self._send(request)
            seconds = time.perf_counter() - started
        return parse_reply(body, request.max_tokens, structured=request.schema is not None), seconds

    def _send(self, request: ChatRequest) -> bytes:
        """The body of one HTTP exchange.

        Raises:
            Transient: A fault that may pass.
            RefusalError: The server refused the request.
        """
        import httpx2
        import openai

        deadline = time.monotonic() + self._config.timeout_s
        late = f"it did not finish its response within {self._config.timeout_s:g} s"
        try:
            with self._open().chat.completions.with_streaming_response.create(**self._body(request)) as response:
                blocks = []
                # The client's time limit is for a single block, so a server that drips would never exceed it.
                for block in response.iter_bytes():
                    blocks.append(block)
                    if time.monotonic() > deadline:
                        raise TransientFailure(late)
                return b"".join(blocks)
        except openai.APIStatusError as error:
            if self._changes_limit_field(error):
                return self._send(request)
            raise self._refusal(error) from error
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise TransientFailure(late) from error
        except openai.APIConnectionError as error:
            raise TransientFailure(f"the connection failed ({_cause(error)})") from error
        except httpx2.HTTPError as error:
            raise TransientFailure(f"its response broke off ({_cause(error)})") from error

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._config.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            # Temperature and seed are always sent: a server's own defaults would not be reproducible.
            self._limit_field: request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
        }
        if request.schema is not None:
            described = {"name": "answer", "schema": request.schema, "strict": _is_closed(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": described}
        return body

    def _changes_limit_field(self, error: openai.APIStatusError) -> bool:
        """Whether the request is worth sending again under the newer name of the token limit.

        Newer hosted models take `max_completion_tokens` only, older servers only `max_tokens`; their error says so.
        """
        if error.status_code != 400 or self._limit_field != "max_tokens" or "max_completion_tokens" not in str(error):
            return False
        self._limit_field = "max_completion_tokens"
        return True

    def _refusal(self, error: openai.APIStatusError) -> Exception:
        """The error for a status of 400 or more: `TransientFailure` to try again, or `RefusalError` to give up."""
        status, message = error.status_code, excerpt(_message(error), 300)
        # A used-up quota comes as 429 too, and no wait of ours brings a new one.
        if may_pass(status) and error.code != "insufficient_quota":
            wait_s = retry_after_s(error.response.headers, self._clock.now())
            return TransientFailure(f"it answered HTTP {status}: {message}", wait_s)
        if status in (401, 403):
            variable = self._config.api_key_env
            state = f"The key comes from the environment variable {variable}, which is " + (
                "set; check that it is this server's and still valid." if self._key else "not set."
            )
            return RefusalError(f"The server at {self._address} refused our key (HTTP {status}: {message}). {state}")
        if status == 404:
            return RefusalError(
                f"The server at {self._address} knows no model {self._config.model!r} (HTTP 404: {message}). "
                f"{self._offered()}"
            )
        return RefusalError(
            f"The server at {self._address} refused the request to {self._config.model!r} (HTTP {status}: {message}). "
            "Another try would end the same way; change the request, the configuration or the account."
        )

    def _offered(self) -> str:
        """The server's models, as a sentence."""
        import openai

        try:
            names = sorted(model.id for model in self._open().models.list())
        except (openai.OpenAIError, ValueError, TypeError, AttributeError):
            return "It gives no list of its models either; check that the base URL ends in the API's path, often /v1."
        return f"It offers: {', '.join(names[:20]) or 'none'}{', …' if len(names) > 20 else ''}."

    def _open(self) -> openai.OpenAI:
        import httpx2
        import openai

        with self._lock:
            if self._client is None:
                timeout_s = self._config.timeout_s
                self._client = openai.OpenAI(
                    base_url=self._config.base_url,
                    api_key=self._key or _NO_KEY,
                    # A server that is not there shows at once; only a reply may take long.
                    timeout=httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)),
                    max_retries=0,
                )
            return self._client


def _is_closed(schema: Any) -> bool:
    """Whether every object of a schema lists all its fields as required and allows no others.

    Hosted servers take `strict` for such schemas only, and guarantee the form for these only.

    Example:
        >>> _is_closed({"type": "object", "properties": {}, "required": [], "additionalProperties": False})
        True
    """
    if isinstance(schema, list):
        return all(map(_is_closed, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        names = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or names != set(schema.get("required", [])):
            return False
    return all(map(_is_closed, schema.values()))


def _public(base_url: str) -> str:
    """The address without user name, password and query, which may hold a secret."""
    parts = urlsplit(base_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _message(error: openai.APIStatusError) -> str:
    """The server's own message, whatever shape its error body has."""
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        message = inner.get("message") if isinstance(inner, dict) else inner
        return str(message or body)
    return str(body or "")


def _cause(error: BaseException) -> str:
    """The innermost cause: the library's own message is only "Connection error."."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
