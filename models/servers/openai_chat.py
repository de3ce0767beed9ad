"""A chat model behind any OpenAI-compatible server: hosted, vLLM, Ollama, or llama.cpp.

Knows the wire; leaves waiting and giving up to `retry.py`, and starting a server to `llamacpp.py`. The client
library's own retries are off: they take no `Retry-After` above a minute, do not see a body that breaks off or is
not JSON, and cannot say afterwards how often they tried.

    chat = OpenAIChat(OpenAIModel(base_url="http://127.0.0.1:8000/v1", model="qwen"))
    chat.complete(ChatRequest((Message("user", "Name a river."),))).text
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from models.calls.retry import RetryClock, RetryPolicy, TransientFailure, retry_after_s, with_retries
from models.calls.structured import FORM_TRIES, excerpt, parse_fitting
from models.config import OpenAIModel
from models.errors import OutputError, RefusalError
from models.files.digest import digest
from models.network.address import parse_address, quotable
from models.network.keys import check_key, read_key
from models.network.proxies import proxy_for
from models.protocols import ChatRequest, Completion, Usage
from models.redaction import redact_secrets
from models.servers.connection import open_client, sign
from models.servers.dialect import Dialect
from models.servers.negotiation import Negotiation, RefusedRequestError
from models.servers.refusals import fault_of, read_error
from models.servers.replies import ServerReply, error_in, parse_reply

if TYPE_CHECKING:
    import openai


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
        Raises:
            ConfigError: The key cannot be sent, or the environment names a proxy that cannot be used.
        """
        self.name = name or config.model
        self.price = config.price
        self._config = config
        self._endpoint = parse_address(config.base_url)
        self._proxy = proxy_for(self._endpoint)
        self._address = self._endpoint.url + (f" through {self._proxy.shown}" if self._proxy else "")
        given = "The key of the server"
        self._key = read_key(config.api_key_env) if api_key is None else check_key(api_key, given)
        self._clock = clock or RetryClock()
        self._check = check or (
            f"Check that a server answers at {self._endpoint.url}"
            f"{', that the proxy reaches it,' if self._proxy else ''} and that it is not overloaded."
        )
        self._slots = threading.BoundedSemaphore(config.parallel)
        self._lock = threading.Lock()
        self._client: openai.OpenAI | None = None
        known = Dialect(frozenset(config.omit), config.structured, stream=config.stream)
        self._negotiation = Negotiation(known, config.model, f"The model {self.name} at {self._address}")

    @property
    def digest(self) -> str:
        """Names endpoint and model. Not the key: the model is the same under a new key."""
        return digest("openai-chat-1", self._endpoint.identity, self._config.model)

    def complete(self, request: ChatRequest) -> Completion:
        """Reply to a request.

        Raises:
            ModelError: The server cannot be reached or keeps failing, after all retries.
            RefusalError: It refuses every request: wrong key, unknown model, a setting that it does not take.
            RefusedPromptError: It refuses this prompt: too long, or filtered.
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
        by_prompt = False
        while True:
            try:
                # Another seed is another sample, and makes a proxy that caches replies pass the request on.
                completion = self._call(replace(request, seed=request.seed + len(rejected)), by_prompt)
            except OutputError as error:
                _add_usage(error, usage)
                raise
            usage, seconds = usage + completion.usage, seconds + completion.seconds
            try:
                parsed, surplus = parse_fitting(completion.text, schema)
            except OutputError as error:
                repeated = completion.text in rejected
                rejected.append(completion.text)
                if repeated or len(rejected) == FORM_TRIES:
                    how = "The same reply came again" if repeated else f"{len(rejected)} different replies came"
                    message = f"{error} {how}. Take a stronger model, or a server that enforces the schema."
                    raise OutputError(message, usage.tokens_in, usage.tokens_out, estimated=usage.estimated) from error
                # Some servers offer a JSON mode that writes any JSON at all.
                by_prompt = self._negotiation.dialect.form == "json"
            else:
                if by_prompt:
                    self._negotiation.prefer_prompt()
                return replace(completion, parsed=parsed, usage=usage, seconds=seconds, surplus=surplus)

    def _call(self, request: ChatRequest, by_prompt: bool = False) -> Completion:
        """One reply, over as many tries as it takes; not yet checked against the schema."""
        policy = RetryPolicy(attempts=self._config.retries + 1)
        target = f"The model {self.name} at {self._address}"
        wasted: list[Usage] = []
        try:
            reply, seconds = with_retries(
                lambda: self._try(request, by_prompt, wasted), target, self._check, policy, self._clock
            )
        except OutputError as error:
            _add_usage(error, sum(wasted, Usage()))
            raise
        # A server may echo its request; what it echoes of the key must reach no record and no answer.
        return Completion(redact_secrets(reply.text), sum(wasted, reply.usage), reply.finish_reason, seconds)

    def _try(self, request: ChatRequest, by_prompt: bool, wasted: list[Usage]) -> tuple[ServerReply, float]:
        """A reply and its seconds; the tokens of an empty one are added to `wasted`."""
        # Waiting for a slot is not the model's time.
        with self._slots:
            started = time.perf_counter()
            body = self._send(request, by_prompt)
            seconds = time.perf_counter() - started
        try:
            return parse_reply(body, request), seconds
        except TransientFailure as fault:
            wasted.append(fault.usage)
            raise

    def _send(self, request: ChatRequest, by_prompt: bool) -> bytes:
        """The body of the reply to a request, in whatever dialect the server takes it.

        Raises:
            TransientFailure: A fault that may pass.
            RefusalError: The server refuses every request.
            RefusedPromptError: It refuses this one.
        """
        try:
            return self._negotiation.send(request, self._exchange, by_prompt)
        except RefusedRequestError as refusal:
            cause = refusal.__cause__
            assert cause is not None
            raise self._refusal(cast("openai.APIStatusError", cause), fault_of(refusal.error) == "passing") from cause

    def _exchange(self, body: dict[str, Any]) -> bytes:
        """The body of one HTTP exchange.

        Raises:
            TransientFailure: A fault that may pass.
            RefusedRequestError: The server answered with an error.
        """
        import httpx2
        import openai

        deadline = time.monotonic() + self._config.timeout_s
        late = f"it did not finish its response within {self._config.timeout_s:g} s"
        try:
            with self._open().chat.completions.with_streaming_response.create(**body) as response:
                blocks = []
                # The client's time limit is for a single block, so a server that drips would never exceed it.
                for block in response.iter_bytes():
                    blocks.append(block)
                    if time.monotonic() > deadline:
                        raise TransientFailure(late)
                received = b"".join(blocks)
            _raise_error_in(received)
            return received
        except openai.APIStatusError as error:
            raise RefusedRequestError(read_error(error.status_code, error.body)) from error
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise TransientFailure(late) from error
        except openai.APIConnectionError as error:
            raise TransientFailure(f"the connection failed ({_cause(error)})") from error
        except httpx2.HTTPError as error:
            raise TransientFailure(f"its response broke off ({_cause(error)})") from error

    def _refusal(self, error: openai.APIStatusError, passing: bool) -> Exception:
        """The error for a refused request: `TransientFailure` to try again, or `RefusalError` to give up."""
        status, message = error.status_code, excerpt(_message(error), 300)
        if passing:
            wait_s = retry_after_s(error.response.headers, self._clock.now())
            return TransientFailure(f"it answered HTTP {status}: {message}", wait_s)
        if status < 400:
            return RefusalError(self._redirected(error.response.headers.get("location", "")))
        if status in (401, 403):
            return RefusalError(
                f"The server at {self._address} refused our key (HTTP {status}: {message}). {self._credentials()}"
            )
        if status == 404:
            return RefusalError(
                f"The server at {self._address} knows no model {self._config.model!r} (HTTP 404: {message}). "
                f"{self._offered()}"
            )
        return RefusalError(
            f"The server at {self._address} refused the request to {self._config.model!r} (HTTP {status}: {message}). "
            "Another try would end the same way; change the request, the configuration or the account."
        )

    def _credentials(self) -> str:
        """What the server was given to know us by, and what to check, as sentences."""
        variable, header = self._config.api_key_env, self._config.api_key_header
        if self._endpoint.basic and header.lower() == "authorization":
            return "It was given the user name and password of base_url instead of a key; check both."
        if not self._key:
            return f"The key comes from the environment variable {variable}, which is not set."
        state = f"The key comes from the environment variable {variable}, which is set; "
        if "azure" in self._endpoint.host and header.lower() == "authorization":
            return f"{state}Azure takes a key in a header of its own: set api_key_header: api-key."
        return f"{state}check that it is this server's and still valid."

    def _redirected(self, location: str) -> str:
        """Why a redirect is not followed: another server would get the key and the documents."""
        target = excerpt(quotable(location), 300)
        return (
            f"The server at {self._address} redirects to {target}. Redirects are not followed, since the key and the "
            "text would go there too. If that is the right server, set base_url to it."
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
        with self._lock:
            if self._client is None:
                headers = sign(self._config, self._endpoint, self._key)
                self._client = open_client(self._endpoint, headers, self._proxy, self._config.timeout_s)
            return self._client


def _add_usage(error: OutputError, usage: Usage) -> None:
    """Add the tokens of tries before the one that an error is about."""
    error.tokens_in += usage.tokens_in
    error.tokens_out += usage.tokens_out
    error.estimated |= usage.estimated


def _raise_error_in(body: bytes) -> None:
    """Treat an error that came with status 200 and names another one as if it had come with that.

    Raises:
        openai.APIStatusError: The body is such an error.
    """
    if b'"error"' not in body:
        return
    in_body = error_in(body)
    if in_body is None:
        return
    found, status = in_body
    import httpx2
    import openai

    request = httpx2.Request("POST", "http://server/")
    response = httpx2.Response(status, request=request)
    raise openai.APIStatusError(str(found.get("message") or found), response=response, body=found)


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
