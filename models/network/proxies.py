"""The proxy on the way to a server: none to this machine, else what the environment names.

HTTP_PROXY, HTTPS_PROXY and ALL_PROXY name proxies, in either case; NO_PROXY lists hosts that are asked directly. The
client library reads them too, but asks loopback addresses through the proxy, which cannot reach them, and its errors
do not mention the proxy.

    proxy_for(parse_address("https://api.example.org/v1"))
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.request import getproxies

from models.errors import ConfigError
from models.network.address import Address, as_ip, is_loopback, quotable, split_url

_SCHEMES = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_EXAMPLE = "http://proxy.example.org:3128 or socks5h://proxy.example.org:1080"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that the environment names.

    Attributes:
        url: Its address, with the user name and password that it may want.
        variable: Environment variable that names it; "" where the system's settings do.
    """

    url: str = field(repr=False)
    variable: str

    @property
    def shown(self) -> str:
        """The proxy in words, without user name and password."""
        return f"the proxy {quotable(self.url)} ({self.variable or 'of the system settings'})"


def proxy_for(address: Address) -> Proxy | None:
    """The proxy through which a server is asked, None for none.

    Raises:
        ConfigError: The environment names a proxy that is none; the message names the variable.
    """
    if is_loopback(address.host) or _is_excepted(address.host, address.port):
        return None
    scheme = address.url.partition(":")[0]
    proxies = getproxies()
    for kind in (scheme, "all"):
        if value := proxies.get(kind, "").strip(" "):
            return _checked(kind, value)
    return None


def check_proxies() -> list[Proxy]:
    """The proxies that the environment names, checked for a library that reads the environment by itself.

    Raises:
        ConfigError: One is malformed; the message names the variable.
    """
    proxies = getproxies()
    return [_checked(kind, value) for kind in ("http", "https", "all") if (value := proxies.get(kind, "").strip(" "))]


def named_proxies() -> str:
    """The proxies that the environment names, as a sentence, or "" without one.

    Raises:
        ConfigError: One is malformed; the message names the variable.
    """
    shown = [proxy.shown for proxy in check_proxies()]
    return f"It was asked through {' or '.join(shown)}." if shown else ""


def without_loopback(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for another program that asks loopback addresses without a proxy."""
    listed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return {**environment, "no_proxy": ",".join(filter(None, (listed, "localhost", "127.0.0.1", "::1")))}


def _checked(kind: str, value: str) -> Proxy:
    variable = _variable(kind)
    url = value if "://" in value else f"http://{value}"
    try:
        split_url(url, _SCHEMES, _EXAMPLE)
    except ValueError as error:
        source = f"The environment variable {variable}" if variable else "The system's settings"
        raise ConfigError(f"{source} names a proxy that cannot be used. {error}, or unset it.") from None
    return Proxy(url, variable)


def _variable(kind: str) -> str:
    """Name of the environment variable that is set; the lower case takes precedence, as for other programs."""
    return next((name for name in (f"{kind}_proxy", f"{kind.upper()}_PROXY") if os.environ.get(name)), "")


def _is_excepted(host: str, port: int) -> bool:
    """Whether NO_PROXY lists a host: a name with its subdomains, an IP address or a network, with or without a port."""
    entries = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return any(_matches(entry.strip().lower(), host.lower().rstrip("."), port) for entry in entries.split(","))


def _matches(entry: str, host: str, port: int) -> bool:
    if entry in ("", "*"):
        return entry == "*"
    entry = entry.rpartition("://")[2]
    address = as_ip(host)
    if address is not None:
        network = _network(entry.strip("[]"))
        if network is not None:
            return address in network
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.endswith("]")):
        return int(number) == port and _matches(name, host, port)
    name = entry.strip("[]").removeprefix("*").lstrip(".").rstrip(".")
    return bool(name) and (host == name or (address is None and host.endswith(f".{name}")))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
