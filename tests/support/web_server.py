"""A web server on this machine that misbehaves as asked, for the tests of downloads."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What one address answers.

    `cuts` has one number an answer: so many bytes of its body go out, then the connection breaks (or stalls).
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    stalls: bool = False
    ranges: bool = True
    etag: str = '"one"'
    shift: int = 0


class Site:
    """Pages by address, and every request that came: its path and its Range and If-Range."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, str | None, str | None]] = []
        self.closing = threading.Event()

    def url(self, path: str) -> str:
        return self.address + path

    def add(self, path: str, page: Page) -> str:
        self.pages[path] = page
        return self.url(path)


@contextmanager
def serve() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
            site.requests.append((self.path, asked, condition))
            page = site.pages.get(self.path)
            if page is None:
                self.send_error(404)
                return
            start = int(re.sub(r"\D", "", asked)) if asked and page.ranges and condition in (None, page.etag) else 0
            partial = 0 < start < len(page.body)
            status = 416 if start >= len(page.body) > 0 else 206 if partial else page.status
            body = b"" if status == 416 else page.body[start:]
            self.send_response(status)
            headers = {"Content-Length": str(len(body)), "ETag": page.etag} | page.headers
            if status == 206:
                headers["Content-Range"] = f"bytes {start + page.shift}-{len(page.body) - 1}/{len(page.body)}"
            if status == 416:
                headers["Content-Range"] = f"bytes */{len(page.body)}"
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            cut = page.cuts.pop(0) if page.cuts else None
            self.wfile.write(body[:cut])
            if cut is not None and page.stalls:
                self.wfile.flush()
                site.closing.wait(30)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
