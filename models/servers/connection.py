"""The HTTP client under a chat model: where requests go, through which proxy, and what proves who sends them.

The key is written into a request at the last moment, so that the client library never has it: not in its logs, not in
its errors. Redirects are refused, since a redirected request takes its key and its documents along.
"""

from __future__ import annotations

import os
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from models.config import OpenAIModel
from models.errors import ConfigError
from models.network.address import Address
from models.network.keys import check_key, read_key
from models.network.proxies import Proxy

if TYPE_CHECKING:
    import httpx2
    import openai

_CONNECT_S = 20.0
# The client library insists on a key, and is given none.
_NO_KEY = "none"
_BEARER = "authorization"


def sign(config: OpenAIModel, address: Address, key: str | None) -> dict[str, str]:
    """The headers that prove who sends a request; none without a key.

    Args:
        config: Names the header of the key.
        address: Its user name and password are sent as basic authentication.
        key: The key; None for none.
    """
    headers = {_BEARER: address.basic} if address.basic else {}
    if key and config.api_key_header.lower() != _BEARER:
        headers[config.api_key_header] = key
    elif key:
        headers.setdefault(_BEARER, f"Bearer {key}")
    return headers


def open_client(address: Address, headers: Mapping[str, str], proxy: Proxy | None, timeout_s: float) -> openai.OpenAI:
    """A client of a server; nothing is sent before the first call.

    Args:
        address: Where requests go.
        headers: What every request carries.
        proxy: The proxy that is asked instead, None to ask the server directly.
        timeout_s: Maximum time between two blocks of a response, in seconds.
    Raises:
        ConfigError: The environment names certificates that cannot be read, or accounts that cannot be sent.
    """
    import httpx2
    import openai

    def finish(request: httpx2.Request) -> None:
        # The library sends the key it was given, and puts the query of a base URL into the middle of the path.
        if request.headers.get(_BEARER) == f"Bearer {_NO_KEY}":
            del request.headers[_BEARER]
        request.headers.update(headers)
        if address.query:
            request.url = request.url.copy_with(query=quote(address.query, safe=string.punctuation).encode())

    _check_environment()
    # A server that is not there shows at once; only a reply may take long.
    timeout = httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s))
    try:
        return openai.OpenAI(
            base_url=address.url,
            api_key=_NO_KEY,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultHttpxClient(
                timeout=timeout,
                follow_redirects=False,
                event_hooks={"request": [finish]},
                # Either of the two keeps the library from reading the proxies of the environment by itself.
                proxy=proxy.url if proxy else None,
                transport=None if proxy else httpx2.HTTPTransport(),
            ),
        )
    except OSError as error:
        raise ConfigError(
            f"The certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error.strerror or error}. Correct "
            "these environment variables, or unset them."
        ) from error
    except ImportError as error:
        raise ConfigError(
            f"Requests would go through {proxy.shown if proxy else 'a proxy'}, which needs the package socksio. "
            "Install it (pip install socksio), or list the server in NO_PROXY."
        ) from error
    except (openai.OpenAIError, ValueError) as error:
        raise ConfigError(
            f"The client library cannot use its environment variables (OPENAI_...): {error}. Correct or unset them."
        ) from error


def _check_environment() -> None:
    """Check what the client library takes from the environment by itself, which it does not.

    Raises:
        ConfigError: A value cannot be sent in a header.
    """
    for variable in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        read_key(variable)
    for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines():
        name, _, value = line.partition(":")
        check_key(value.strip().removeprefix("Bearer "), f"The header {name.strip()!r} of OPENAI_CUSTOM_HEADERS")
