"""Which proxy stands before which server, by the environment."""

import os

import pytest

from models.errors import ConfigError
from models.network.address import parse_address
from models.network.proxies import check_proxies, named_proxies, proxy_for, without_loopback

REMOTE = "https://api.example.org/v1"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in [*os.environ]:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:80/v1", "http://localhost/v1", "https://[::1]:1/", "http://127.9.9.9/", "http://0.0.0.0:5/"],
)
def test_this_machine_is_asked_directly(variable, url, monkeypatch):
    monkeypatch.setenv(variable, "http://proxy:3128")
    assert proxy_for(parse_address(url)) is None


@pytest.mark.parametrize("malformed", ["http://", "nonsense://x", "http://h:port", "socks4://h:1080", "http://a b"])
def test_a_malformed_proxy_is_no_concern_of_this_machine_but_of_others(malformed, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", malformed)
    assert proxy_for(parse_address("http://127.0.0.1:80/v1")) is None
    with pytest.raises(ConfigError, match="ALL_PROXY names a proxy that cannot be used"):
        proxy_for(parse_address(REMOTE))
    with pytest.raises(ConfigError, match="ALL_PROXY"):
        check_proxies()


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("HTTPS_PROXY", "http://proxy:3128", "the proxy http://proxy:3128 (HTTPS_PROXY)"),
        ("https_proxy", "proxy:3128", "the proxy http://proxy:3128 (https_proxy)"),
        ("ALL_PROXY", "socks5://ann:skua-12@proxy:1080", "the proxy socks5://proxy:1080 (ALL_PROXY)"),
        ("all_proxy", "socks5h://proxy", "the proxy socks5h://proxy (all_proxy)"),
        ("HTTPS_PROXY", "https://ann:skua%2F12@proxy", "the proxy https://proxy (HTTPS_PROXY)"),
    ],
)
def test_a_proxy_is_shown_with_its_variable_and_without_its_password(variable, value, shown, monkeypatch):
    monkeypatch.setenv(variable, value)
    proxy = proxy_for(parse_address(REMOTE))
    assert proxy is not None
    assert proxy.shown == shown
    assert "skua" not in repr(proxy)
    assert shown in named_proxies()


def test_the_scheme_chooses_the_proxy(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://plain:1")
    monkeypatch.setenv("ALL_PROXY", "http://all:1")
    assert proxy_for(parse_address("http://api.example.org/")).url == "http://plain:1"
    assert proxy_for(parse_address(REMOTE)).url == "http://all:1"


@pytest.mark.parametrize(
    "listed",
    ["*", "example.org", ".example.org", "*.example.org", "other, api.example.org", "api.example.org:443",
     "EXAMPLE.ORG", "https://api.example.org"],
)  # fmt: skip
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_a_listed_host_is_asked_directly(listed, variable, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv(variable, listed)
    assert proxy_for(parse_address(REMOTE)) is None


@pytest.mark.parametrize("listed", ["", "ample.org", "api.example.org:80", "example.com", "api", "10.0.0.0/8"])
def test_another_host_is_not(listed, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", listed)
    assert proxy_for(parse_address(REMOTE)) is not None


@pytest.mark.parametrize(
    "listed", ["10.0.0.0/8", "10.1.2.3", "10.1.2.3:443", "x,10.1.0.0/16", "10.1.2.0/255.255.255.0"]
)
def test_networks_and_addresses_are_listed_too(listed, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", listed)
    assert proxy_for(parse_address("https://10.1.2.3/v1")) is None
    assert proxy_for(parse_address("https://11.1.2.3/v1")) is not None


def test_another_program_asks_this_machine_directly():
    assert without_loopback({"NO_PROXY": "corp"})["no_proxy"] == "corp,localhost,127.0.0.1,::1"
    assert without_loopback({})["no_proxy"] == "localhost,127.0.0.1,::1"
