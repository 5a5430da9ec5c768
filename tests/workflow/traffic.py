"""Many people at once on the pages of a real server, as their browsers are; and silent lines."""

import asyncio
import random
import re
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx

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


Turn = Callable[[httpx.AsyncClient, str, float, Seen], Awaitable[bool]]


async def compare(client: httpx.AsyncClient, link: str, pause: float, seen: Seen) -> bool:
    """Whatever a participant's page asks, once; whether there is more."""
    page = await _page(client, link, on="1")
    asked = re.search(r'action="[^"]*/(consent|start|answer/(\w+))"', page)
    if not asked:
        return False
    if not asked[2]:
        await client.post(link + asked[1], data={"agree": "yes"})
        return True
    images = re.findall(r'src="(/s/[^"]+png)"', page)
    assert len(images) == 4, page
    await asyncio.gather(*(client.get(image) for image in images))
    choice = ("left", "right")[zlib.crc32(asked[2].encode()) % 2]
    await _think(pause)
    await _answer(client, link + asked[1], (asked[2], choice), {"choice": choice}, seen)
    return True


async def label(client: httpx.AsyncClient, link: str, pause: float, seen: Seen) -> bool:
    """Say of the next face where it lies; whether there was one."""
    page = await _page(client, f"{link}next")
    face = re.search(r'data-face="(\w+)"', page)
    if not face:
        return False
    images = re.findall(r'src="(/s/[^"]+)"', page)
    assert images, page
    await asyncio.gather(*(client.get(image.replace("&amp;", "&")) for image in images))
    answer = {"face": face[1], "showing": "0", "side": side_of(face[1])}
    await _think(pause)
    await _answer(client, f"{link}answer", (link + face[1], answer["side"]), answer, seen)
    return True


async def crowd(links: Sequence[str], turn: Turn, pause: float, silent: int = 0) -> Seen:
    """Everybody takes turns till nothing is left, with `pause` seconds of thought on average.

    Beside them are as many `silent` connections that say nothing, or half of something, and come
    again when they are ended. Who cannot reach the server tries again.
    """
    seen = Seen()
    origin = httpx.URL(links[0])
    lines = [
        asyncio.create_task(_hold(str(origin.host), origin.port or 80, HALVES[k % len(HALVES)]))
        for k in range(silent)
    ]
    await asyncio.sleep(0.5 if silent else 0)
    try:
        await asyncio.gather(*(_person(link, turn, pause, seen) for link in links))
    finally:
        for line in lines:
            line.cancel()
    return seen


async def _person(link: str, turn: Turn, pause: float, seen: Seen) -> None:
    await asyncio.sleep(random.uniform(0, pause))
    going_on = True
    origin = str(httpx.URL(link).join("/"))  # plain http: certificates take longer than a page
    async with httpx.AsyncClient(base_url=origin, timeout=60, verify=False) as client:
        if "/start?" in link:
            link = await _enter(client, link)
        while going_on:
            try:
                going_on = await turn(client, link, pause, seen)
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def _enter(client: httpx.AsyncClient, link: str) -> str:
    """The own link of who comes by the link for all, and consents."""
    assert "Before you take part" in await _page(client, link)
    ids = dict(httpx.URL(link).params)
    found = await client.post("/start", data={**ids, "agree": "yes"})
    assert found.status_code == 303, found.text
    return str(httpx.URL(link).join(found.headers["location"]))


async def _page(client: httpx.AsyncClient, link: str, **query: str) -> str:
    address = httpx.URL(link).copy_merge_params(query)
    found = await client.get(address)
    while found.status_code == 429:
        await asyncio.sleep(0.3)
        found = await client.get(address)
    assert found.status_code == 200, found.text
    return found.text


async def _answer(
    client: httpx.AsyncClient,
    address: str,
    given: tuple[str, str],
    form: dict[str, str],
    seen: Seen,
) -> None:
    loop = asyncio.get_running_loop()
    assert given[0] not in seen.acknowledged, "nobody is asked again"
    seen.sent += 1
    begun = loop.time()
    found = await client.post(address, data=form)
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
