"""The studio in a real browser, without a window: addresses, typing, a busy file.

Needs the extra `studio`, and `chromium` on the path (on Debian: apt-get install
chromium). It is driven by Chrome's DevTools protocol.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ig_assets.studio.launch import studio_command
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.studio.conftest import PATIENCE_S

pytest.importorskip("streamlit", reason="needs the extra `studio`")
websocket = pytest.importorskip("websocket")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.further,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the path"),
]
ADDRESSES = {
    "/review": "Why not? (needed to decline)",  # not `/` first: Streamlit learns there
    "/write": "What is the script about?",
    "/winners": "There is no winner yet.",
    "/lineage": "Name a script, a variant, a model or a month.",
    "/status": "2 posts wait for approval",
    "/": "What is the script about?",
}


def until(look: Callable[[], Any], what: str) -> Any:
    """What `look` returns once it is true; a machine that hangs fails the test."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"never: {what}")


class Browser:
    """One tab; `text` is all that a person reads in it."""

    def __init__(self, port: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            pages = [one for one in json.load(answer) if one["type"] == "page"]
        address = pages[0]["webSocketDebuggerUrl"]
        self._socket = websocket.create_connection(address, suppress_origin=True)
        self._number = 0

    def ask(self, method: str, **parameters: Any) -> Any:
        """The answer to one command of the protocol."""
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(asked))
        while True:
            said = json.loads(self._socket.recv())
            if said.get("id") == self._number:
                assert "error" not in said, said
                return said["result"]

    def go(self, address: str) -> None:
        """Enter an address."""
        self.ask("Page.navigate", url=address)

    def js(self, code: str) -> Any:
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=code, returnByValue=True)
        return answer["result"].get("value")

    @property
    def text(self) -> str:
        """All words of the page, and of what is being asked in its fields."""
        return str(self.js("document.body ? document.body.innerText : ''"))

    def wait_for(self, words: str) -> str:
        """The page's words, once these are among them."""
        until(lambda: words in self.text, f"{words!r} on the page:\n{self.text}")
        return self.text

    def type_into(self, label: str, words: str) -> None:
        """Put the cursor into a field and type, as a keyboard does."""
        found = f"document.querySelector('[aria-label={json.dumps(label)}]')"
        until(lambda: self.js(f"{found} !== null"), f"a field {label!r}")
        self.js(f"{found}.focus(); {found}.select()")
        self.ask("Input.insertText", text=words)

    def press(self, label: str) -> None:
        """Click the button that says this."""
        found = (
            "[...document.querySelectorAll('button')]"
            f".find(b => b.innerText.endsWith({json.dumps(label)}))"
        )
        until(lambda: self.js(f"!!{found}"), f"a button {label!r}")
        self.js(f"{found}.click()")

    def close(self) -> None:
        """Leave the tab."""
        self._socket.close()


@pytest.fixture
def studio(home: Warehouse, tmp_path: Path) -> Iterator[str]:
    """The studio's address while it is served as `ig-assets studio` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path / "studio.log").open("w")
    server = subprocess.Popen(
        studio_command("127.0.0.1", port), stdout=log, stderr=subprocess.STDOUT
    )

    def is_up() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health"):
                return True
        except urllib.error.URLError:
            return False

    try:
        until(is_up, "the studio")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()
        log.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own; nothing of it is kept."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                CHROMIUM,
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--disable-dev-shm-usage", "--window-size=1180,1600"),
                *("--remote-debugging-port=0", f"--user-data-dir={profile}"),
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        said = Path(profile) / "DevToolsActivePort"
        try:
            until(lambda: said.is_file() and said.read_text().strip(), "the browser")
            tab = Browser(int(said.read_text().splitlines()[0]))
            yield tab
            tab.close()
        finally:
            process.terminate()
            process.wait()


def rows(home: Warehouse, sql: str) -> list[dict[str, Any]]:
    with home.transaction() as con:
        found = fetch_dicts(con, sql)
    home.close()
    return found


def test_every_page_has_an_address_that_can_be_entered(
    studio: str, browser: Browser
) -> None:
    assert len(ADDRESSES) == 6
    for path, words in ADDRESSES.items():
        browser.go(studio + path)
        text = browser.wait_for(words)
        assert "Page not found" not in text and "Traceback" not in text, path
        wanted = "/write" if path == "/" else path
        assert browser.js("location.pathname") == wanted
        browser.go("about:blank")


def test_the_gates_answer_while_one_types_and_a_reason_is_asked_for(
    studio: str, browser: Browser, home: Warehouse
) -> None:
    browser.go(f"{studio}/review")
    browser.type_into("Hook", "word " * 31)
    browser.js("document.activeElement.blur()")
    browser.wait_for("The hook has 31 words; 25 at most.")
    browser.press("Decline")
    browser.wait_for("Say why not")
    assert rows(home, "SELECT * FROM post_reviews") == []
    browser.type_into("Why not? (needed to decline)", "off our brand")
    browser.js("document.activeElement.blur()")
    browser.press("Decline")
    browser.wait_for("Declined; it never goes out.")
    [review] = rows(home, "SELECT * FROM post_reviews")
    assert review["reason"] == "off our brand"


def test_a_busy_warehouse_is_said_and_blocks_no_page(
    studio: str, browser: Browser, home: Warehouse
) -> None:
    browser.go(f"{studio}/status")
    browser.wait_for("2 posts wait for approval")
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with home.transaction():
            held.set()
            release.wait(PATIENCE_S)
        home.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(PATIENCE_S)
        browser.go(f"{studio}/status")
        browser.wait_for("The warehouse is busy; this is as of")
        browser.wait_for("2 posts wait for approval")
        browser.go(f"{studio}/write")
        browser.wait_for("What is the script about?")
    finally:
        release.set()
        holder.join()
    browser.go(f"{studio}/status")
    browser.wait_for("2 posts wait for approval")
