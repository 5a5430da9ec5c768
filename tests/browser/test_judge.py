"""A participant with a real browser and keyboard, a real server, and no mercy for it."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from human import Server, command, configure
from human import study as make_study
from playwright.sync_api import Browser, Page, Route

SHOTS = os.environ.get("FACEGAP_SCREENSHOTS")  # a folder, for whoever wants to look
KEYS = {"left": "ArrowLeft", "right": "ArrowRight"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study's configuration."""
    counts = {"pairs": 120, "attention": 0.05, "repeats": 0.05, "break_every": 50}
    folder = tmp_path_factory.mktemp("human")
    make_study(folder, persons=16, **counts)
    return folder


@pytest.fixture
def server(folder: Path, tmp_path: Path) -> Iterator[Server]:
    server = Server(folder / "config.yaml", tmp_path / "answers.sqlite")
    yield server
    server.kill()


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def begin(page: Page, link: str, name: str = "") -> None:
    page.goto(link)
    shoot(page, f"consent{name}")
    page.get_by_role("checkbox").press("Space")
    page.get_by_role("button", name="Go on").press("Enter")
    page.get_by_role("button", name="Begin").wait_for()
    shoot(page, f"instructions{name}")
    page.get_by_role("button", name="Begin").press("Enter")


def pair_of(page: Page) -> str:
    """The pair on the page, when its pictures are there."""
    page.locator("body[data-ready=yes]").wait_for()
    action = page.locator("#pair").get_attribute("action") or ""
    return action.rsplit("/", 1)[1]


def test_all_pairs_by_keyboard_while_the_server_is_killed_three_times(
    page: Page, server: Server, tmp_path: Path
) -> None:
    link = server.invite()[0]
    begin(page, link)
    acknowledged: dict[str, str] = {}  # the page went on
    raced: dict[str, str] = {}  # sent while the server was being killed: stored or not
    count = 0
    while True:
        page.locator("#stage, button:has-text('Go on'), .persons").first.wait_for()
        if page.locator(".persons").count():
            break
        if page.locator("#stage").count() == 0:
            shoot(page, f"break-{count}")
            page.keyboard.press("Enter")  # the button has the focus
            page.locator("#stage").wait_for()
        pair = pair_of(page)
        assert pair not in acknowledged, "nobody is asked twice"
        if count in (0, 40):
            shoot(page, f"pair-{count}")
        side = "left" if count % 3 else "right"
        if count in (30, 60, 90):
            raced[pair] = side
            page.keyboard.press(KEYS[side])
            server.kill()
            server.start()
            page.goto(link)
            count += 1
            continue
        page.keyboard.press(KEYS[side])
        page.wait_for_function(
            "(pair) => !document.querySelector(`form[action$='/answer/${pair}']`)", arg=pair
        )
        acknowledged[pair] = side
        count += 1
    assert len({**raced, **acknowledged}) == 120 + 6 + 6 + 2
    shoot(page, "persons")
    assert page.get_by_role("link", name="Withdraw").is_visible()
    for choice in page.get_by_label("did not").all():
        choice.press("Space")
    page.get_by_role("button", name="Finish").press("Enter")
    page.get_by_role("heading", name="Thank you").wait_for()
    shoot(page, "thanks")
    subprocess.run(command("export", *server.of, "--to", tmp_path / "csv"), check=True)
    answers = pd.read_csv(tmp_path / "csv/responses.csv", dtype={"pair_id": str})
    assert dict(zip(answers["pair_id"], answers["choice"], strict=True)) == {
        **raced,
        **acknowledged,
    }
    assert answers["seconds"].between(0, 60).all()


def test_both_pictures_appear_together_and_the_next_are_fetched(page: Page, server: Server) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    begin(page, server.invite()[0])
    first = pair_of(page)
    assert page.locator("#stage").evaluate("(s) => getComputedStyle(s).visibility") == "visible"
    coming = page.locator("#coming").get_attribute("data-images") or ""
    page.wait_for_function("() => performance.getEntriesByType('resource').length >= 10")
    assert all(any(image in url for url in requests) for image in coming.split())
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/")
    assert pair_of(page) != first


def test_no_picture_is_seen_before_the_other_and_none_can_be_chosen(
    page: Page, server: Server
) -> None:
    held: list[Route] = []
    page.route("**/image/*.png", lambda route: held.append(route))
    begin(page, server.invite()[0])
    page.locator("#stage.waiting").wait_for(state="attached")
    while len(held) < 4:
        page.wait_for_timeout(20)
    for route in held[:3]:
        route.continue_()
    page.wait_for_timeout(100)
    address = page.locator("#pair").get_attribute("action")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    assert page.locator("#stage").evaluate("(s) => getComputedStyle(s).visibility") == "hidden"
    assert page.locator("#pair").get_attribute("action") == address
    held[3].continue_()
    assert pair_of(page) == (address or "").rsplit("/", 1)[1]


@pytest.mark.parametrize(
    ("width", "zoom", "least", "most"), [(1200, 1, 256, 512), (390, 3, 300, 560)]
)
def test_how_large_a_picture_is_on_the_screen_is_noted(
    chromium: Browser, tmp_path: Path, width: int, zoom: int, least: int, most: int
) -> None:
    make_study(tmp_path, pairs=6, familiarity=0)
    configure(tmp_path, least_pixels=200)
    server = Server(tmp_path / "config.yaml", tmp_path / "answers.sqlite")
    try:
        window = {"width": width, "height": 800}
        page = chromium.new_context(viewport=window, device_scale_factor=zoom).new_page()
        begin(page, server.invite()[0])
        asked = pair_of(page)
        shown = page.locator("#stage .made img").first.bounding_box()
        page.keyboard.press("ArrowLeft")
        page.wait_for_function(
            "(pair) => !document.querySelector(`form[action$='/answer/${pair}']`)", arg=asked
        )
        subprocess.run(command("export", *server.of, "--to", tmp_path / "csv"), check=True)
    finally:
        server.kill()
    (pixels,) = pd.read_csv(tmp_path / "csv/responses.csv")["pixels"]
    assert shown
    assert pixels == round(shown["width"] * zoom)
    assert least <= pixels <= most


def test_with_a_phone_and_without_scripts(chromium: Browser, server: Server) -> None:
    phone = chromium.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        java_script_enabled=False,
        color_scheme="dark",
    )
    page = phone.new_page()
    begin(page, server.invite()[1], "-phone")
    shoot(page, "pair-phone")
    for _ in range(2):
        before = page.locator("#pair").get_attribute("action")
        page.get_by_role("button", name=re.compile("right picture")).tap()
        page.locator(f"form[action='{before}']").wait_for(state="detached")
    page.get_by_text("That was the practice").wait_for()
    phone.close()


def test_pictures_and_choices_have_names_for_a_screen_reader(page: Page, server: Server) -> None:
    begin(page, server.invite()[0])
    pair_of(page)
    tree = page.locator("main").aria_snapshot()
    for words in ("The left picture is better", "The right picture is better", "Original photo"):
        assert words in tree
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("img:not([alt])").count() == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "left"
