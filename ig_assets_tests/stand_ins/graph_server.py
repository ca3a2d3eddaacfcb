"""A stateful STAND-IN for Meta's Graph API on a loopback socket; not Meta.

It keeps containers, media, a publishing quota and insights, tells errors by code and
subcode with HTTP 400, and misbehaves as the real one does: empty pages that are not
the last, empty insights, one unknown metric that fails a whole request, a publish that
succeeds without an answer, `paging.next` with the token in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from ig_assets_tests.stand_ins.graph_ads import AdsStandIn
from ig_assets_tests.stand_ins.graph_media import METRICS, Container, Media
from ig_assets_tests.stand_ins.served import Served

ACCOUNT, SECRET, TOKEN = "17841400000000001", "the-apps-secret", "IGAA-long-lived-token"
HANG_UP = "hang up"
PAGE = 2


Reply = tuple[int, Any]


def error(code: int, subcode: int = 0, transient: bool = False) -> Reply:
    """An error as Meta writes it; its message quotes what must not be seen."""
    told = {
        "code": code,
        "message": f"Bad request by {TOKEN}",
        "type": "OAuthException",
    }
    if subcode:
        told["error_subcode"] = subcode
    return 400, {"error": {**told, "is_transient": transient}}


class GraphServer(Served):
    """The stand-in; use it as a context manager.

    `faults[path]` are used up one a request to that path ("" is a batch): a reply, or
    HANG_UP after the request was carried out. `media_faults[id]` are used up one an
    item of a batch. `usage` is what the usage headers say.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.token = TOKEN
        self.media: dict[str, Media] = {}
        self.containers: dict[str, Container] = {}
        self.published = 0
        self.quota_total = 50
        self.polls = 1
        self.refuses_video = False
        self.hides_new_media = False
        self.faults: dict[str, deque[Reply | str]] = defaultdict(deque)
        self.media_faults: dict[str, deque[Reply | None]] = defaultdict(deque)
        self.unknown_metrics: set[str] = set()
        self.empty_pages = 0
        self.usage: dict[str, Any] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.items: list[str] = []
        self.tokens_in_urls = 0
        self._mutex = threading.Lock()
        self._number = 100
        self.ads = AdsStandIn(error, now, self._name, ACCOUNT, self.media)

    def __enter__(self) -> GraphServer:
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self.url = self.listen(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        return super().__enter__()

    def fail(self, path: str, *replies: Reply | str) -> None:
        """Let the next requests to a path meet these."""
        self.faults[path].extend(replies)

    def add(self, media_id: str, caption: str = "", **more: Any) -> Media:
        """A post that is there already."""
        posted_at = more.pop("posted_at", self.now())
        self.media[media_id] = Media(media_id, caption, posted_at, **more)
        return self.media[media_id]

    def asked_of(self, path: str) -> list[dict[str, str]]:
        """The parameters of every request to a path, in order."""
        return [given for _, asked, given in self.asked if asked == path]

    def answer(
        self, method: str, path: str, given: dict[str, str], bearer: str | None
    ) -> Reply | str:
        """What one request gets."""
        version, _, path = path.strip("/").partition("/")
        with self._mutex:
            self.asked.append((method, path, given))
            if version != "v26.0":
                return error(2635)
            if bearer != f"Bearer {self.token}":
                return error(190, 463)
            proof = hmac.new(SECRET.encode(), self.token.encode(), hashlib.sha256)
            if given.get("appsecret_proof") != proof.hexdigest():
                return error(100)
            if self.faults[path]:
                fault = self.faults[path].popleft()
                if fault == HANG_UP:
                    self._do(method, path, given)
                return fault
            return self._do(method, path, given)

    def _do(self, method: str, path: str, given: dict[str, str]) -> Reply:
        if path == "":
            items = json.loads(given["batch"])
            if len(items) > 50:
                return error(100)
            return 200, [self._item(item["relative_url"]) for item in items]
        if path == f"{ACCOUNT}/media":
            return self._contain(given) if method == "POST" else self._list(given)
        if path == f"{ACCOUNT}/media_publish":
            return self._publish(given["creation_id"])
        if path == f"{ACCOUNT}/content_publishing_limit":
            config = {"quota_total": self.quota_total, "quota_duration": 86400}
            return 200, {"data": [{"quota_usage": self.published, "config": config}]}
        if path == "refresh_access_token":
            self.token = f"{TOKEN}-renewed"
            return 200, {"access_token": self.token, "expires_in": 60 * 86400}
        if path in self.containers:
            return 200, {"status_code": self._poll(self.containers[path]), "id": path}
        if path in self.media:
            return 200, self._row(self.media[path])
        if (rows := self.ads.rows(path)) is not None and method == "GET":
            return self._page(rows, given)
        return self.ads.answer(method, path, given) or error(100, 33)

    def _contain(self, given: dict[str, str]) -> Reply:
        if given["media_type"] != "REELS" or not given["video_url"]:
            return error(100)
        name = self._name()
        status = "ERROR" if self.refuses_video else None
        self.containers[name] = Container(given["caption"], self.polls, status)
        return 200, {"id": name}

    def _poll(self, container: Container) -> str:
        if container.status is None:
            if container.polls_left:
                container.polls_left -= 1
                return "IN_PROGRESS"
            container.status = "FINISHED"
        return container.status

    def _publish(self, name: str) -> Reply:
        container = self.containers[name]
        if self.published >= self.quota_total:
            return error(9, 2207042)
        if container.status != "FINISHED":
            return error(9007, 2207027)
        container.status = "PUBLISHED"
        self.published += 1
        media_id = self._name()
        self.add(media_id, container.caption)
        return 200, {"id": media_id}

    def _list(self, given: dict[str, str]) -> Reply:
        newest = sorted(self.media.values(), key=lambda m: m.posted_at, reverse=True)
        shown = [] if self.hides_new_media else newest
        return self._page([self._row(m) for m in shown], given)

    def _page(self, shown: list[dict[str, Any]], given: dict[str, str]) -> Reply:
        """Two rows of a list, after the empty pages that were asked for."""
        start = int(given.get("after", "0"))
        rows: list[Any] = [None] * self.empty_pages * PAGE + shown
        page = [row for row in rows[start : start + PAGE] if row is not None]
        after = str(start + PAGE)
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": after}}
        if start + PAGE < len(rows):
            paging["next"] = f"{self.url}/v26.0/x?access_token={TOKEN}&after={after}"
        return 200, {"data": page, "paging": paging}

    def _row(self, media: Media) -> dict[str, Any]:
        return {
            "id": media.media_id,
            "caption": media.caption,
            "permalink": media.permalink,
            "media_product_type": media.kind,
            "timestamp": f"{media.posted_at:%Y-%m-%dT%H:%M:%S}+0000",
        }

    def _item(self, relative_url: str) -> dict[str, Any] | None:
        """One item of a batch, its body a text as in the real one."""
        self.items.append(relative_url)
        parts = urlsplit(relative_url)
        media_id, _, edge = parts.path.partition("/")
        reply: Reply | None
        if edge and self.media_faults[media_id]:
            reply = self.media_faults[media_id].popleft()
            if reply is None:
                return None
        elif edge == "insights" and media_id in self.ads.objects:
            reply = self.ads.insights(media_id, parse_qs(parts.query))
        elif media_id not in self.media:
            reply = error(100, 33)
        elif edge == "insights":
            wanted = parse_qs(parts.query)["metric"][0].split(",")
            reply = self._insights(self.media[media_id], wanted)
        else:
            reply = 200, self._row(self.media[media_id])
        return {"code": reply[0], "headers": [], "body": json.dumps(reply[1])}

    def _insights(self, media: Media, wanted: list[str]) -> Reply:
        unknown = self.unknown_metrics | media.lacks
        if set(wanted) - (METRICS[media.kind] - unknown):
            return error(100)
        rows = [
            {"name": name, "period": "lifetime", "values": [{"value": value}]}
            for name, value in media.values.items()
            if name in wanted and not media.empty
        ]
        return 200, {"data": rows}

    def _name(self) -> str:
        self._number += 1
        return str(self._number)


class _Handler(BaseHTTPRequestHandler):
    stand_in: GraphServer
    protocol_version = "HTTP/1.1"
    # Headers and body are two packets: the second waited 40 ms to be asked for.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve("GET", urlsplit(self.path).query)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._serve("POST", self.rfile.read(length).decode())

    def _serve(self, method: str, text: str) -> None:
        server, parts = self.stand_in, urlsplit(self.path)
        server.tokens_in_urls += "access_token" in self.path or TOKEN in self.path
        bearer = self.headers.get("Authorization")
        reply = server.answer(method, parts.path, dict(parse_qsl(text)), bearer)
        if isinstance(reply, str):
            self.close_connection = True
            return
        body = json.dumps(reply[1]).encode()
        self.send_response(reply[0])
        self.send_header("Content-Length", str(len(body)))
        for name, value in server.usage.items():
            self.send_header(name, json.dumps(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
