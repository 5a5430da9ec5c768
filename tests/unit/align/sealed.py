"""Align in a process that the kernel ends when it opens a socket: `python sealed.py SETTINGS`.

SETTINGS are JSON: the keywords of align_shard, or "socket" to open one. Ends with 77 where the
process cannot be sealed. The seal is a seccomp filter, which needs no rights; threads inherit it.
"""

import ctypes
import json
import os
import struct
import sys
from typing import Any

SOCKET = {"x86_64": 41, "aarch64": 198}  # the system call's number
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2  # of prctl
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of the filter's language
KILL, ALLOW = 0x80000000, 0x7FFF0000


def seal() -> None:
    """From here on this process dies when it opens a socket, except within the machine (unix)."""
    rules = [
        (LOAD, 0, 0, 0),  # the call's number
        (IF_EQUAL, 0, 3, SOCKET[os.uname().machine]),  # another: allow
        (LOAD, 0, 0, 16),  # its first argument, the family
        (IF_EQUAL, 1, 0, 1),  # AF_UNIX: allow
        (RETURN, 0, 0, KILL),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(SECCOMP, FILTER, program, 0, 0):
        sys.exit(77)


def run(settings: Any) -> None:
    """Imported only now, so that importing is sealed as well."""
    if settings == "socket":
        import socket

        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    else:
        from pathlib import Path

        from facegap.align.shards import align_shard
        from facegap.settings.align import Align

        align_shard(
            **{key: Path(value) for key, value in settings.items() if isinstance(value, str)},
            arrays=[Path(array) for array in settings["arrays"]],
            settings=Align(**settings["settings"]),
            shard=settings["shard"],
        )


if __name__ == "__main__":
    seal()
    run(json.loads(sys.argv[1]))
