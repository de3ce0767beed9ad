"""What a server is sent, where it goes, and that nothing of the key comes back from it."""

import traceback
from base64 import b64encode

import pytest

from models.calls.retry import RetryClock
from models.config import OpenAIModel
from models.errors import ConfigError, GraftError, RefusalError
from models.protocols import ChatRequest, Message
from models.servers.openai_chat import OpenAIChat
from tests.models.echoing_server import FORMS, PLACES, echoing
from tests.models.faulty_server import Handler, answer, completion, serving, status

KEY = "tk-Gz81mQwL0rXe7VbN25uKdJ9s"
PLAIN = ChatRequest((Message("user", "Name a river."),))
FIELDS = {"answer": {"type": "string"}}
SHAPED = ChatRequest(
    (Message("user", "Name a river."),),
    schema={"type": "object", "properties": FIELDS, "required": ["answer"], "additionalProperties": False},
)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "OPENAI_ORG_ID", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("TEST_KEY", KEY)


def client(url, **settings):
    config = OpenAIModel(
        **{"base_url": url, "model": "m", "api_key_env": "TEST_KEY", "retries": 1, "timeout_s": 5} | settings
    )
    return OpenAIChat(config, clock=RetryClock(sleep=lambda _: None))


def requested(seen):
    """A behaviour that notes path and headers of a request."""

    def play(handler: Handler) -> None:
        seen.append((handler.path, dict(handler.headers)))
        handler.send(200, completion("the Oune"))

    return play


@pytest.mark.parametrize(
    ("end", "path"),
    [
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("", "/chat/completions"),
        (
            "/openai/deployments/g?api-version=2030-01-01",
            "/openai/deployments/g/chat/completions?api-version=2030-01-01",
        ),
        ("/v1/?a=1&a=2&b", "/v1/chat/completions?a=1&a=2&b"),
        ("/v1/chat/completions?x=%20y%2F", "/v1/chat/completions?x=%20y%2F"),
        ("/deep/er/path?q=ä", "/deep/er/path/chat/completions?q=%C3%A4"),
    ],
)
def test_path_and_query_are_kept_apart(end, path):
    seen = []
    with serving(requested(seen)) as server:
        assert client(server.url.removesuffix("/v1") + end).complete(PLAIN).text == "the Oune"
    assert [path for path, _ in seen] == [path]


@pytest.mark.parametrize(
    ("settings", "user", "header", "value"),
    [
        ({}, "", "Authorization", f"Bearer {KEY}"),
        ({"api_key_header": "authorization"}, "", "Authorization", f"Bearer {KEY}"),
        ({"api_key_header": "api-key"}, "", "api-key", KEY),
        ({"api_key_header": "X-Gateway-Token"}, "", "X-Gateway-Token", KEY),
        ({}, "ann:dunlin%2F7@", "Authorization", f"Basic {b64encode(b'ann:dunlin/7').decode()}"),
        ({"api_key_header": "api-key"}, "ann:dunlin%2F7@", "api-key", KEY),
        ({"api_key_env": "UNSET_KEY"}, "", "Authorization", None),
    ],
)
def test_the_key_goes_where_the_settings_say_and_nowhere_else(settings, user, header, value):
    seen = []
    with serving(requested(seen)) as server:
        client(server.url.replace("://", f"://{user}"), **settings).complete(PLAIN)
    sent = {name.lower(): text for name, text in seen[0][1].items()}
    assert sent.get(header.lower()) == value
    others = [text for name, text in sent.items() if name != header.lower()]
    assert not any(KEY in text or text == "Bearer none" for text in others)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("settings", "request_"),
    [
        pytest.param({}, SHAPED, id="bearer-shaped"),
        pytest.param({"api_key_header": "api-key"}, PLAIN, id="api-key-plain"),
        pytest.param({}, PLAIN, id="bearer-plain", marks=pytest.mark.slow),
        pytest.param({"api_key_header": "api-key"}, SHAPED, id="api-key-shaped", marks=pytest.mark.slow),
    ],
)
def test_a_server_that_repeats_the_key_is_not_quoted(place, form, settings, request_):
    with serving(echoing(place, form), models=[f"m-{KEY}"]) as server:
        try:
            shown = repr(client(server.url, **settings).complete(request_))
        except GraftError as error:
            shown = str(error)
            assert server.seen
        assert len({str(body) for body in server.seen}) <= 3
    # 8 characters of the key itself, and of what each form makes of it
    for text in (KEY, FORMS["base64"](KEY)[16:-4], FORMS["hexadecimal"](KEY)):
        assert not any(text[at : at + 8].lower() in shown.lower() for at in range(len(text) - 7)), shown
    assert KEY[-4:] not in shown


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_takes_nothing_along(code):
    with serving(answer("stolen")) as thief:
        location = {"location": f"http://ann:dunlin-7@127.0.0.1:{thief.server_address[1]}/v1?k=1"}
        with (
            serving(status(code, headers=location)) as server,
            pytest.raises(RefusalError, match="redirects to") as caught,
        ):
            client(server.url).complete(PLAIN)
        assert not thief.seen
        assert len(server.seen) == 1
    assert "dunlin" not in str(caught.value)
    assert "base_url" in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "nonsense://x", "http://h:port", "socks4://127.0.0.1:9"]
)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_this_machine_is_asked_without_the_proxy(proxy, variable, monkeypatch):
    monkeypatch.setenv(variable, proxy)
    with serving(answer("the Oune")) as server:
        assert client(server.url).complete(PLAIN).text == "the Oune"


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_a_proxy_that_is_away_is_named_without_its_password(scheme, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://ann:sanderling-3@127.0.0.1:9")
    with pytest.raises(GraftError) as caught:
        client("http://model.invalid/v1").complete(PLAIN)
    assert f"through the proxy {scheme}://127.0.0.1:9 (ALL_PROXY)" in str(caught.value)
    assert "sanderling" not in "".join(traceback.format_exception_only(caught.value))


def test_a_proxy_is_asked_for_other_machines(monkeypatch):
    seen = []
    with serving(requested(seen)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://ann:knot-88@127.0.0.1:{proxy.server_address[1]}")
        assert client("http://model.invalid/v1?a=1").complete(PLAIN).text == "the Oune"
    ((path, headers),) = seen
    assert path == "http://model.invalid/v1/chat/completions?a=1"
    assert headers["Proxy-Authorization"] == f"Basic {b64encode(b'ann:knot-88').decode()}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TEST_KEY", f"{KEY}\r"),
        ("OPENAI_ORG_ID", "org-ä"),
        ("OPENAI_PROJECT_ID", "proj\n"),
        ("OPENAI_CUSTOM_HEADERS", "X-Other: sch\u00f6n"),
        ("HTTP_PROXY", "http://h:port"),
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
    ],
)
def test_an_environment_that_cannot_be_used_is_named(variable, value, monkeypatch):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable) as caught:
        client("http://model.invalid/v1").complete(PLAIN)
    assert KEY not in str(caught.value)


def test_azure_is_told_of_its_header(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "")
    with serving(status(401)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
        with pytest.raises(RefusalError, match="set api_key_header: api-key"):
            client("http://x.openai.azure.com/openai/deployments/g?api-version=1").complete(PLAIN)
