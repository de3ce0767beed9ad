"""The site builds without a warning, its links and anchors lead somewhere, and it loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from tests.docs.pages import DOCS, ROOT

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
REMOTE_IN_CSS = re.compile(r"(?:url\(|@import\s+)['\"]?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; no proxy and no name server would help it to a network."""
    folder = tmp_path_factory.mktemp("site")
    environment = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, BeautifulSoup]:
    """The pages, parsed."""
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in sorted(site.rglob("*.html"))
    }


def test_every_page_is_built(site):
    expected = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert {path.relative_to(site) for path in site.rglob("*.html")} == expected | {Path("404.html")}


def test_links_and_anchors_lead_somewhere(site, pages):
    ids = {}
    for path, page in pages.items():
        ids[path] = {tag["id"] for tag in page.select("[id]")}
    dead = [
        f"{path.relative_to(site)}: {link}"
        for path, link in links(pages)
        if not leads_somewhere(path, link, ids)
    ]  # fmt: skip
    assert dead == []


def links(pages: dict[Path, BeautifulSoup]) -> Iterator[tuple[Path, str]]:
    """Links within the site, with the page that has them."""
    for path, page in pages.items():
        if path.name != "404.html":  # whose links are from the root of a server
            yield from ((path, tag["href"]) for tag in page.select("a[href]") if not urlsplit(tag["href"]).scheme)


def leads_somewhere(page: Path, link: str, ids: dict[Path, set[str]]) -> bool:
    """Whether a link's file is there, and its anchor in it."""
    parts = urlsplit(link)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    anchor = unquote(parts.fragment)
    return target.is_file() and (not anchor or anchor in ids.get(target, {anchor}))


def test_nothing_is_loaded_from_elsewhere(site, pages):
    loaded = [
        (path.name, tag[attribute])
        for path, page in pages.items()
        for name, attribute in LOADED.items()
        for tag in page.select(f"{name}[{attribute}]")
        if "canonical" not in (tag.get("rel") or ())
    ]
    assert [(page, source) for page, source in loaded if urlsplit(source).scheme or source.startswith("//")] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    styles += "".join(str(tag.string) for page in pages.values() for tag in page.select("style"))
    assert not REMOTE_IN_CSS.search(styles)


def test_there_is_a_light_and_a_dark_theme(pages, site):
    schemes = {tag["data-md-color-scheme"] for tag in pages[site / "index.html"].select("input[data-md-color-scheme]")}
    assert schemes == {"default", "slate"}
