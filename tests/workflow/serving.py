"""A real web server on this machine, with the faults that real ones have, and a proxy before it."""

import re
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

WARNING = (  # in one line, as Google sends it
    '<html><body><form id="download-form" method="get"'
    ' action="https://drive.usercontent.google.com/download">'
    '<input type="hidden" name="id" value="{id}"><input type="hidden" name="confirm" value="t">'
    "</form></body></html>"
)
QUOTA = """<!DOCTYPE html><html><body><p class="uc-error-caption">Sorry, you can't view or download
this file at this time.</p>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p>
</body></html>"""


class Server(ThreadingHTTPServer):
    """Files by name; the first part of a path says how it is served, `/good/name` as it is."""

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        """Serve TLS for hosts behind a CONNECT with `certificate` (PEM with its key)."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []  # path, with the range where there was one
        self.hosts: list[str] = []
        self.times: Counter[str] = Counter()
        self.hub: list[str] = []  # how Hugging Face serves its next answers; then good
        self.certificate = certificate
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no news."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        """Be the host that was asked for, as a proxy that a certificate lets be."""
        self.server.hosts.append(self.path)
        self.send_response(200)
        self.end_headers()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.server.certificate))
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False
        while not self.close_connection:
            self.handle_one_request()

    def do_GET(self) -> None:
        """Answer as the path says."""
        url = urlsplit(self.path)
        range_ = self.headers.get("Range")
        self.server.asked.append(f"{url.path} {range_}" if range_ else url.path)
        self.server.times[url.path] += 1
        if url.path == "/uc":
            number = url.query.removeprefix("id=")
            page = QUOTA if number == "quota" else WARNING.format(id=number)
            self.send(page.encode(), {"Content-Type": "text/html; charset=utf-8"})
        elif url.path == "/download":
            name = re.search(r"id=([^&]+)", url.query)[1]  # type: ignore[index]
            self.send(
                self.server.files[name], {"Content-Disposition": f'attachment; filename="{name}"'}
            )
        elif found := re.match(r"/datasets/\w+/\w+/resolve/\w+/(.+)", url.path):
            how = self.server.hub.pop(0) if self.server.hub else "good"
            self.send(b"", {"Location": f"/{how}/{found[1]}"}, status=302)  # where its files lie
        else:
            _, how, name = url.path.split("/", 2)
            self.serve(how, self.server.files[name], range_, first=self.server.times[url.path] == 1)

    def serve(self, how: str, data: bytes, range_: str | None, *, first: bool) -> None:
        """`how` is good, other, half, missing, error-page, busy, hang, cut (once), cut-whole."""
        if how == "hang":
            time.sleep(3)
            self.close_connection = True
        elif how == "missing":
            self.send(b"no such file", status=404)
        elif how == "busy" and first:
            self.send(b"later", status=503)
        elif how == "error-page":
            self.send(b"<!DOCTYPE html><html>Sign in</html>", {"Content-Type": "text/html"})
        elif how == "other":
            self.send(b"X" * len(data))
        elif how == "half":
            self.send(data[: len(data) // 2])
        elif how in ("cut", "cut-whole") and first:
            self.send(data, stop=len(data) // 2)
        elif range_ and how != "cut-whole":
            start = int(re.fullmatch(r"bytes=(\d+)-", range_)[1])  # type: ignore[index]
            if start >= len(data):
                self.send(b"no such range", status=416)
                return
            part = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.send(data[start:], {"Content-Range": part}, status=206)
        else:
            self.send(data)

    def send(
        self,
        data: bytes,
        headers: dict[str, str] | None = None,
        status: int = 200,
        stop: int | None = None,
    ) -> None:
        """Send `data`; `stop` breaks the line after so many bytes."""
        self.send_response(status)
        given = {"Content-Type": "application/octet-stream", "Content-Length": str(len(data))}
        for name, value in {**given, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[:stop])
        self.wfile.flush()
        self.close_connection = self.close_connection or stop is not None

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Server]:
    """A server that runs for as long as the block lasts."""
    server = Server(certificate)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def certificate(folder: Path, *hosts: str) -> Path:
    """A PEM file of a certificate for `hosts`, which vouches for itself, and its key."""
    names = ",".join(f"DNS:{host}" for host in hosts)
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", "key.pem", "-out", "certificate.pem", "-subj", "/CN=stand-in"]
    subprocess.run(
        [*command, "-addext", f"subjectAltName={names}"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    both = folder / "both.pem"
    both.write_bytes((folder / "certificate.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both
