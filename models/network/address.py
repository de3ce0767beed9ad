"""The address of a model server, taken apart: what requests go to, what messages show, what nobody may see.

parse_address("https://ann:pw@host/v1?api-version=1").url    # https://host/v1
"""

from __future__ import annotations

import ipaddress
import re
import socket
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from models.redaction import is_secret_name, register_secret

# What the page of a hosted model shows as its address; the client appends it by itself.
_METHOD = "/chat/completions"
_LABEL = re.compile(r"[\w-]+(\.[\w-]+)*\.?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is.

    Attributes:
        url: Address without credentials and query, which may hold a secret, so it may be shown; the paths of the API
            are appended to it.
        query: Query of every request, as it was written; "" for none.
        basic: Value of a header `Authorization` made of user name and password, "" without them.
        host: Name or IP address of the server, without brackets.
        port: Number of the port.
    """

    url: str
    query: str = field(repr=False)
    basic: str = field(repr=False)
    host: str
    port: int

    @property
    def identity(self) -> str:
        """Names the server in digests: the address and the parameters that are no secret."""
        parameters = [pair for pair in parse_qsl(self.query, keep_blank_values=True) if not is_secret_name(pair[0])]
        return self.url.rstrip("/") + (f"?{urlencode(parameters)}" if parameters else "")


def parse_address(text: str) -> Address:
    """Take the address of a server apart, and register the secrets in it.

    Args:
        text: Such as "http://127.0.0.1:8000/v1", with a query or with `user:password@` if the server wants them.
    Raises:
        ValueError: It is no such address; the message says what is wrong and quotes nothing secret.
    Example:
        >>> azure = parse_address("https://x.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21")
        >>> azure.url, azure.query
        ('https://x.openai.azure.com/openai/deployments/gpt', 'api-version=2024-10-21')
    """
    parts = split_url(text, {"http": 80, "https": 443}, "http://127.0.0.1:8000/v1")
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if is_secret_name(name):
            register_secret(value)
    basic = ""
    if "@" in parts.netloc:
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        basic = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    netloc = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/").removesuffix(_METHOD) if parts.path.rstrip("/").endswith(_METHOD) else parts.path
    url = urlunsplit((parts.scheme, netloc, path, "", ""))
    return Address(url, parts.query, basic, parts.hostname or "", parts.port or {"http": 80}.get(parts.scheme, 443))


def split_url(text: str, schemes: dict[str, int], example: str) -> SplitResult:
    """Split a URL that a person wrote, after checking it; its password is registered as a secret.

    Args:
        text: The URL.
        schemes: Schemes that are taken, with the default port of each.
        example: A URL of the right form, for messages.
    Raises:
        ValueError: It is no such URL; the message quotes nothing before an "@" and nothing after a "?".
    """
    wanted = f"Expected an address such as {example}"
    if control := next((letter for letter in text if ord(letter) < 32 or ord(letter) == 127), None):
        raise ValueError(f"{wanted}, but this one holds {control_name(control)}. Remove it")
    shown = quotable(text)
    if any(letter.isspace() for letter in text):
        raise ValueError(f"{wanted}, but {shown!r} holds a space. Remove it")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        problem = "its port is no number from 1 to 65535" if "ort" in str(error) else "its host is malformed"
        raise ValueError(f"{wanted}, but in {shown!r} {problem}. Correct it") from None
    register_secret(unquote(parts.password or ""))
    if parts.scheme not in schemes or not text.lower().startswith(f"{parts.scheme}://"):
        raise ValueError(f"{wanted}, but {shown!r} does not begin with {_either(schemes)}. Add it")
    if not host:
        raise ValueError(f"{wanted}, but {shown!r} names no host. Add one")
    if port == 0:
        raise ValueError(f"{wanted}, but in {shown!r} its port is no number from 1 to 65535. Correct it")
    if not _is_host(host) or "@" in parts.path or "\\" in text:
        raise ValueError(
            f"{wanted}, but in {shown!r} the host is malformed; write a character of a password such as / or @ "
            "as %2F or %40. Correct it"
        )
    if parts.fragment:
        raise ValueError(f"{wanted}, but {shown!r} has a part after '#', which is never sent. Remove it")
    return parts


def register_credentials(urls: str) -> None:
    """Register the passwords, and user names without one, in URLs that another program reads.

    Args:
        urls: URLs, separated by white space, however malformed.
    """
    for url in urls.split():
        user, _, password = url.partition("://")[2].rpartition("@")[0].partition(":")
        register_secret(unquote(password or user))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, which no proxy can reach for us.

    Args:
        host: Name or IP address, without brackets and port.
    Example:
        >>> [is_loopback(host) for host in ("127.8.9.1", "::1", "localhost", "0.0.0.0", "127.0.0.1.example.org")]
        [True, True, True, True, False]
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    address = as_ip(name)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address is not None and (address.is_loopback or address.is_unspecified)


def as_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a host states, None for a name; short forms such as 127.1 count, as they do for a browser."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    if not re.fullmatch(r"[\dxa-f]+(\.[\dxa-f]+)*", host):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def control_name(letter: str) -> str:
    """A control character in words.

    Example:
        >>> control_name("\\r"), control_name("\\x07")
        ('a line end', 'the control character 0x07')
    """
    if letter in "\r\n":
        return "a line end"
    return "a tab" if letter == "\t" else f"the control character 0x{ord(letter):02x}"


def quotable(url: str) -> str:
    """What may be shown of a URL, however malformed: nothing before an "@", nothing after a "?"."""
    # By the last "@" wherever it is: a password may hold every other mark.
    before, at, after = url.rpartition("@")
    scheme, mark, _ = before.partition("://")
    return (scheme + mark if at and mark else "") + after.partition("?")[0]


def _is_host(host: str) -> bool:
    if ":" in host:
        return as_ip(host) is not None
    if not _LABEL.fullmatch(host):
        return False
    try:
        return bool(host.isascii() or host.encode("idna"))
    except UnicodeError:
        return False


def _either(schemes: dict[str, int]) -> str:
    *first, last = (f"{scheme}://" for scheme in schemes)
    return f"{', '.join(first)} or {last}" if first else last
