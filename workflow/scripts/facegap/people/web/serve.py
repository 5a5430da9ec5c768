"""The server: uvicorn on this machine alone, unless another host is named."""

import ipaddress
import logging
import socket

import uvicorn
from fastapi import FastAPI

from facegap.errors import ConfigError

log = logging.getLogger(__name__)
BACKLOG = 2048


def serve(app: FastAPI, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve `app` until a signal ends it; port 0 takes a free one, and the log names it.

    Addresses of people are neither logged nor stored. Headers of a proxy are believed when the
    proxy runs on this machine. Raises `ConfigError` where the port cannot be had.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        listening = socket.create_server((host, port), backlog=BACKLOG, family=_family(host))
    except (OSError, OverflowError) as error:
        raise ConfigError(f"cannot listen on {host} port {port}: {error}") from error
    if not _is_loopback(host):
        log.warning("%s can be reached by others: put a proxy with TLS before it", host)
    name = f"[{host}]" if ":" in host else host
    log.info("serving on http://%s:%d%s/", name, listening.getsockname()[1], app.state.root_path)
    config = uvicorn.Config(
        app,
        access_log=False,  # it would hold addresses and links
        server_header=False,
        log_config=None,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1,::1",
        timeout_keep_alive=30,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
