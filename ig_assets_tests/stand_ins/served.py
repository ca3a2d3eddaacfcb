"""Serves a stand-in over HTTP on a free port of this machine, in a thread."""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Self


class Served:
    """A stand-in that answers while it is used as a context manager."""

    def listen(self, server: ThreadingHTTPServer) -> str:
        """Take the server, which has a port but answers nothing yet; return its URL."""
        self._server = server
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=server.serve_forever, args=(0.01,), daemon=True
        )
        return f"http://127.0.0.1:{server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
