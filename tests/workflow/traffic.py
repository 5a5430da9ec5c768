"""Many people at once on the pages of a real server, as their browsers are; and silent lines."""

import asyncio
import random
import re
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

HALVES = (b"", b"GET /s/", b"POST /s/x/answer HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na=")


@dataclass
class Seen:
    """What people sent, and what they were told is stored."""

    sent: int = 0
    acknowledged: dict[str, str] = field(default_factory=dict)  # the answer to each item
    waits: list[float] = field(default_factory=list)  # seconds for each of these


def side_of(code: str) -> str:
    """What everybody says of the face that the pages know by a code."""
    return ("inside", "outside")[zlib.crc32(code.encode()) % 2]


@dataclass(frozen=True)
class Found:
    """What a server says."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The page."""
        return self.content.decode()


@dataclass
class Browser:
    """One person's browser: as many lines as it needs at once, which it keeps open.

    Many share the machine with the server that they try, so that a library's comfort would be most
    of what is measured. Raises `OSError` or `EOFError` where the server cannot be reached.
    """

    host: str
    port: int
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def get(self, address: str) -> Found:
        """What is at a link."""
        return await self._ask("GET", address, "")

    async def post(self, address: str, data: dict[str, str]) -> Found:
        """What the server says to a form."""
        return await self._ask("POST", address, urlencode(data))

    def close(self) -> None:
        """Hang up."""
        while self.idle:
            self.idle.pop()[1].close()

    async def _ask(self, method: str, address: str, body: str) -> Found:
        to = urlsplit(address)
        path = f"{to.path}?{to.query}" if to.query else to.path
        kind = "Content-Type: application/x-www-form-urlencoded\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{kind}"
        async with asyncio.timeout(60):
            line = self.idle.pop() if self.idle else None
            reader, writer = line or await asyncio.open_connection(self.host, self.port)
            try:
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
                first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                pairs = (each.partition(": ") for each in rest)
                headers = {name.lower(): value for name, _, value in pairs}
                content = await reader.readexactly(int(headers.get("content-length", 0)))
            except BaseException:
                writer.close()
                raise
        if headers.get("connection") == "close":
            writer.close()
        else:
            self.idle.append((reader, writer))
        return Found(int(first.split()[1]), headers, content)


Turn = Callable[[Browser, str, float, Seen], Awaitable[bool]]


async def compare(browser: Browser, link: str, pause: float, seen: Seen) -> bool:
    """Whatever a participant's page asks, once; whether there is more."""
    page = await _page(browser, f"{link}?on=1")
    asked = re.search(r'action="[^"]*/(consent|start|answer/(\w+))"', page)
    if not asked:
        return False
    if not asked[2]:
        await browser.post(link + asked[1], data={"agree": "yes"})
        return True
    images = re.findall(r'src="(/s/[^"]+png)"', page)
    assert len(images) == 4, page
    await asyncio.gather(*(browser.get(image) for image in images))
    choice = ("left", "right")[zlib.crc32(asked[2].encode()) % 2]
    await _think(pause)
    await _answer(browser, link + asked[1], (asked[2], choice), {"choice": choice}, seen)
    return True


async def label(browser: Browser, link: str, pause: float, seen: Seen) -> bool:
    """Say of the next face where it lies; whether there was one."""
    page = await _page(browser, f"{link}next")
    face = re.search(r'data-face="(\w+)"', page)
    if not face:
        return False
    images = re.findall(r'src="(/s/[^"]+)"', page)
    assert images, page
    await asyncio.gather(*(browser.get(image.replace("&amp;", "&")) for image in images))
    answer = {"face": face[1], "showing": "0", "side": side_of(face[1])}
    await _think(pause)
    await _answer(browser, f"{link}answer", (link + face[1], answer["side"]), answer, seen)
    return True


async def crowd(
    links: Sequence[str],
    turn: Turn,
    pause: float,
    silent: int = 0,
    within: float | None = None,
) -> Seen:
    """Everybody takes turns till nothing is left, with `pause` seconds of thought on average.

    All come `within` so many seconds, or else within those of one thought. Beside them are as many
    `silent` connections that say nothing, or half of something, and come again when they are ended.
    Who cannot reach the server tries again.
    """
    seen = Seen()
    origin = urlsplit(links[0])
    lines = [
        asyncio.create_task(_hold(str(origin.hostname), origin.port or 80, HALVES[k % len(HALVES)]))
        for k in range(silent)
    ]
    await asyncio.sleep(0.5 if silent else 0)
    try:
        late = pause if within is None else within
        await asyncio.gather(*(_person(link, turn, pause, seen, late) for link in links))
    finally:
        for line in lines:
            line.cancel()
    return seen


async def _person(link: str, turn: Turn, pause: float, seen: Seen, late: float) -> None:
    await asyncio.sleep(random.uniform(0, late))
    going_on = True
    to = urlsplit(link)
    browser = Browser(str(to.hostname), to.port or 80)
    try:
        if "/start?" in link:
            link = await _enter(browser, link)
        while going_on:
            try:
                going_on = await turn(browser, link, pause, seen)
            except (OSError, EOFError):
                await asyncio.sleep(0.05)
    finally:
        browser.close()


async def _enter(browser: Browser, link: str) -> str:
    """The own link of who comes by the link for all, and consents."""
    assert "Before you take part" in await _page(browser, link)
    ids = dict(parse_qsl(urlsplit(link).query))
    found = await browser.post("/start", data={**ids, "agree": "yes"})
    assert found.status_code == 303, found.text
    return urljoin(link, found.headers["location"])


async def _page(browser: Browser, address: str) -> str:
    found = await browser.get(address)
    while found.status_code == 429:
        await asyncio.sleep(0.3)
        found = await browser.get(address)
    assert found.status_code == 200, found.text
    return found.text


async def _answer(
    browser: Browser,
    address: str,
    given: tuple[str, str],
    form: dict[str, str],
    seen: Seen,
) -> None:
    loop = asyncio.get_running_loop()
    assert given[0] not in seen.acknowledged, "nobody is asked again"
    seen.sent += 1
    begun = loop.time()
    found = await browser.post(address, data=form)
    if found.status_code == 429:
        await asyncio.sleep(0.3)
        return
    assert found.status_code == 303, found.text
    seen.waits.append(loop.time() - begun)
    seen.acknowledged[given[0]] = given[1]


async def _think(pause: float) -> None:
    await asyncio.sleep(random.uniform(0.5, 1.5) * pause)


async def _hold(host: str, port: int, words: bytes) -> None:
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(words)
            await reader.read()
            writer.close()
        except OSError:
            await asyncio.sleep(0.2)
