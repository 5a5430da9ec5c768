"""The server: uvicorn on this machine alone, unless another host is named."""

import gc
import ipaddress
import logging
import socket
import sys
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI

from facegap.errors import ConfigError
from facegap.people.web.connections import AT_ONCE, SECONDS, Connection, listen, room
from facegap.people.web.log import start_log

log = logging.getLogger(__name__)
ENDING = 15  # seconds that answers under way get when a signal ends the server
# Seconds after which a thread gives way to another. At Python's 5 ms, who stores an answer loses
# as much at every statement of the database, and all others wait for it.
SWITCH = 0.0005
GARBAGE = 50_000  # new objects, instead of 700, after which Python looks for cycles among them


def serve(app: FastAPI, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve `app` until a signal ends it; port 0 takes a free one, and the log names it.

    Addresses of people are neither logged nor stored. Headers of a proxy are believed when the
    proxy runs on this machine. Raises `ConfigError` where the port cannot be had.
    """
    start_log()
    listening = listen_at(host, port)
    if not _is_loopback(host):
        log.warning("%s can be reached by others: put a proxy with TLS before it", host)
    name = f"[{host}]" if ":" in host else host
    below = quote(app.state.root_path)
    log.info("serving on http://%s:%d%s/", name, listening.getsockname()[1], below)
    Connection.most = room()
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        backlog=AT_ONCE,
        access_log=False,  # it would hold addresses and links
        server_header=False,
        log_config=None,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1,::1",
        timeout_keep_alive=round(SECONDS["silent"]),
        timeout_graceful_shutdown=ENDING,
    )
    _answer_evenly()
    uvicorn.Server(config).run(sockets=[listening])


def _answer_evenly() -> None:
    """Let no thread wait long for another, or for a search among all that was loaded."""
    sys.setswitchinterval(SWITCH)
    gc.collect()
    gc.freeze()  # modules and settings stay till the end
    gc.set_threshold(GARBAGE)


def listen_at(host: str, port: int) -> socket.socket:
    """A socket that listens there; a `ConfigError` where it cannot."""
    try:
        return listen(host, port)
    except (OSError, OverflowError, TypeError, ValueError) as error:  # an odd name is any of these
        raise ConfigError(f"cannot listen on {host[:60]} port {port}: {error}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
