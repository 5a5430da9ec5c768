"""The pages behind a real nginx, with the lines that docs/human-study.md has for it."""

import os
import re
import shutil
import socket
import subprocess
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from human import ROOT, Opened, Participant, Server

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [
    pytest.mark.skipif(
        NGINX is None and "FACEGAP_NEED_SLURM" not in os.environ,
        reason="no nginx here: apt-get install nginx-light, as .ci/run does",
    ),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@pytest.fixture
def proxied(study: Opened, database: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a study that nginx serves over http, on a port that is not 80."""
    server = Server(study.config, database, "--root-path", "/faces")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    page = (ROOT / "docs/human-study.md").read_text()
    lines = re.search(r"^    location /faces/ \{.*?^    \}$", page, re.M | re.S)
    assert lines
    location = textwrap.dedent(lines[0]).replace(":8000/", f":{server.port}/")
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{name}_temp_path {tmp_path / name};" for name in names)
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path / 'pid'}; error_log stderr;"
        + ("user root;" if os.geteuid() == 0 else "")
        + f"events {{}} http {{ {places} server {{ listen 127.0.0.1:{port};\n{location}\n }} }}"
    )
    assert NGINX
    nginx = subprocess.Popen([NGINX, "-c", tmp_path / "nginx.conf", "-e", "stderr"])
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert nginx.poll() is None, "nginx ended"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.terminate()
        nginx.wait()
        server.kill()


def test_the_lines_of_the_docs_let_people_answer(study: Opened, proxied: str) -> None:
    """A browser over plain http sends an Origin, and says nothing of the site it comes from."""
    token = study.invite()["participant-1"]
    with httpx.Client(base_url=proxied, headers={"origin": proxied}) as client:
        person = Participant(client, f"/faces/s/{token}/")
        person.begin()
        page = person.see()
        assert client.get(re.findall(r'src="(/faces/s/[^"]+)"', page)[0]).status_code == 200
        assert client.get("/faces/static/web/style.css").status_code == 200
        assert person.post(f"answer/{person.pair()}", choice="left") == 303
        elsewhere = {"origin": proxied.rpartition(":")[0]}
        found = client.post(person.root + "withdraw", data={"sure": "yes"}, headers=elsewhere)
        assert found.status_code == 403, "another port is another site"
        long = client.get(f"/faces/s/{token}", follow_redirects=False).headers["location"]
        assert long.endswith(f"/faces/s/{token}/"), "without its last slash it is the same link"
