"""Images are read as they are meant, or refused with the reason."""

import bz2
import io
import lzma
import os
import struct
import tracemalloc
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from reliability import Reliability

from facegap.acquire.archives import unpack_images
from facegap.acquire.looks import looks
from facegap.decoding import ImageError, decoded
from facegap.errors import DataError
from facegap.images import open_images

RNG = np.random.default_rng(0)
SMOOTH = cv2.resize(RNG.integers(0, 255, (6, 5, 3), dtype=np.uint8), (50, 60))
RED = np.full((40, 60, 3), (200, 30, 40), np.uint8)


def encoded(pixels: np.ndarray | Image.Image, kind: str = "PNG", **settings: object) -> bytes:
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, kind, **settings)
    return file.getvalue()


def png(pixels: np.ndarray) -> bytes:
    """16 bits, which Pillow cannot write in colour."""
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.fixture(params=["folder", "zip"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """A function that lays files into a folder, or into a zip."""

    def lay(**files: bytes) -> Path:
        if request.param == "zip":
            with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
                for name, data in files.items():
                    archive.writestr(name, data)
            return tmp_path / "images.zip"
        for name, data in files.items():
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tmp_path / "images"

    return lay


def read(place: Path, name: str, **settings: int) -> np.ndarray:
    with open_images(place, **settings) as images:
        return images.read(name)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_pixels_come_back(place: Callable[..., Path], kind: str) -> None:
    found = read(place(a=encoded(SMOOTH, kind)), "a")
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, SMOOTH)


@pytest.mark.parametrize("settings", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_is_what_pillow_makes_of_it(place: Callable[..., Path], settings: dict) -> None:
    data = encoded(SMOOTH, "JPEG", quality=90, **settings)
    np.testing.assert_array_equal(
        read(place(a=data), "a"), np.asarray(Image.open(io.BytesIO(data)))
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.97])
def test_a_truncated_image_is_refused(place: Callable[..., Path], kind: str, share: float) -> None:
    whole = encoded(RNG.integers(0, 255, (64, 64, 3), dtype=np.uint8), kind)
    with pytest.raises(ImageError):
        read(place(a=whole[: int(share * len(whole))]), "a")


@pytest.mark.parametrize("settings", [{}, {"progressive": True}])
def test_a_jpeg_cut_anywhere_is_refused(tmp_path: Path, settings: dict) -> None:
    whole = encoded(SMOOTH, "JPEG", **settings)
    for end in range(1, len(whole), 7):
        (tmp_path / str(end)).write_bytes(whole[:end])
    with open_images(tmp_path) as images:
        for name in images.names():
            with pytest.raises(ImageError):
                images.read(name)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file, zero bytes"),
        (b"these are words", "not an image"),
        (b"\xff\xd8\xff\xd9", "not an image"),
        (encoded(SMOOTH, "JPEG")[:-300], "truncated"),
        (encoded(SMOOTH)[:2000], "truncated"),
        (encoded(np.zeros((200, 600, 3), np.uint8)), "600 x 200 pixels, more than max_pixels"),
        (encoded(Image.new("F", (8, 8)), "TIFF"), "mode F"),
    ],
)
def test_the_reason_is_plain(place: Callable[..., Path], data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=r"a\.jpg: ") as caught:
        read(place(**{"a.jpg": data}), "a.jpg", max_pixels=100_000)
    assert reason in caught.value.reason
    assert "0x" not in caught.value.reason, "an address of memory is no reason"


def test_a_size_is_believed_before_pixels_are_decoded(place: Callable[..., Path]) -> None:
    """A PNG header of 60,000 x 60,000 pixels, and nothing behind it."""
    head = bytearray(encoded(np.zeros((2, 2, 3), np.uint8)))
    head[16:24] = (60_000).to_bytes(4, "big") * 2
    head[29:33] = __import__("zlib").crc32(bytes(head[12:29])).to_bytes(4, "big")
    with pytest.raises(ImageError, match="60000 x 60000 pixels"):
        read(place(a=bytes(head)), "a")


def test_a_file_too_large_for_any_image_is_not_read(place: Callable[..., Path]) -> None:
    with pytest.raises(ImageError, match="more than an image of max_pixels"):
        read(place(a=bytes(2**21)), "a", max_pixels=1000)


@pytest.mark.parametrize("name", ["no.jpg", "sub", "sub/", "", "a\0b", "n" * 300])
def test_a_missing_image_is_said_to_be(place: Callable[..., Path], name: str) -> None:
    with pytest.raises(ImageError):
        read(place(**{"sub/a.png": encoded(SMOOTH)}), name)


@pytest.mark.parametrize("name", ["../secret.png", "sub/../../secret.png", "/etc/passwd"])
def test_no_path_leads_out(place: Callable[..., Path], name: str) -> None:
    there = place(**{"sub/a.png": encoded(SMOOTH)})
    (there.parent / "secret.png").write_bytes(encoded(SMOOTH))
    with pytest.raises(ImageError, match="outside"):
        read(there, name)


def test_names_with_spaces_umlauts_and_newlines(place: Callable[..., Path]) -> None:
    names = ["a b.png", "Jürgen Weiß.png", "two\nlines.png", "sub folder/顔.png"]
    there = place(**dict.fromkeys([*names, ".hidden", "__MACOSX/._a b.png"][:5], encoded(SMOOTH)))
    with open_images(there) as images:
        assert images.names() == sorted(names)
        for name in names:
            np.testing.assert_array_equal(images.read(name), SMOOTH)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_turns_the_image_upright(
    place: Callable[..., Path], orientation: int, kind: str
) -> None:
    upright = np.zeros((80, 48, 3), np.uint8)
    upright[:40, :24], upright[40:, 24:] = (250, 0, 0), (0, 0, 250)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read(place(a=encoded(np.ascontiguousarray(stored), kind, exif=exif, quality=95)), "a")
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 5


def test_xmp_turns_the_image_upright(place: Callable[..., Path]) -> None:
    upright = np.zeros((80, 48, 3), np.uint8)
    upright[:40, :24] = (250, 0, 0)
    xmp = b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    stored = np.ascontiguousarray(np.rot90(upright))
    found = read(place(a=encoded(stored, "JPEG", xmp=xmp, quality=95)), "a")
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 5


def test_broken_exif_is_not_a_broken_image(place: Callable[..., Path]) -> None:
    data = encoded(SMOOTH, "JPEG", exif=b"Exif\0\0garbage and nothing else")
    assert read(place(a=data), "a").shape == SMOOTH.shape


def exif_of(*entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF with the entries (tag, type, count, value of 4 bytes), as odd programs write it."""
    packed = b"".join(struct.pack("<HHI4s", *entry) for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4)


@pytest.mark.parametrize(
    "odd",
    [(0x0100, 2, 4, b"abc\0"), (0x0100, 9, 1, b"\xfb\xff\xff\xff"), (0x011A, 2, 3, b"ab\0")],
    ids=["a text for a number", "below zero", "a text for a fraction"],
)
def test_odd_exif_turns_the_image_all_the_same(place: Callable[..., Path], odd: tuple) -> None:
    exif = exif_of(*sorted([odd, (0x0112, 3, 1, b"\6\0\0\0")]))
    data = encoded(np.ascontiguousarray(np.rot90(SMOOTH)), "JPEG", exif=exif, quality=95)
    found = read(place(a=data), "a")
    assert found.shape == SMOOTH.shape
    assert np.abs(found.astype(int) - SMOOTH).mean() < 5
    assert looks(data, "a") is not None, "and is compared with the others"


def test_a_thumbnail_is_not_taken_for_the_end(place: Callable[..., Path]) -> None:
    """A JPEG cut after the end marker of the small JPEG inside it."""
    exif = b"Exif\0\0" + encoded(RED, "JPEG")
    whole = encoded(SMOOTH, "JPEG", exif=exif)
    end = whole.index(b"\xff\xd9") + 2
    assert end < len(whole) / 2 + len(exif)
    with pytest.raises(ImageError):
        read(place(a=whole[:end]), "a")


GREY = SMOOTH[:, :, 0]
DEEP = GREY.astype(np.uint16) * 257


@pytest.mark.parametrize(
    ("data", "expected", "tolerance"),
    [
        (encoded(GREY), np.repeat(GREY[:, :, None], 3, 2), 0),
        (encoded(GREY, "JPEG", quality=95), np.repeat(GREY[:, :, None], 3, 2), 6),
        (encoded(Image.fromarray(RED).convert("CMYK"), "JPEG", quality=95), RED, 6),
        (encoded(Image.fromarray(RED).convert("CMYK"), "TIFF"), RED, 1),
        (encoded(Image.fromarray(RED).quantize()), RED, 0),
        (encoded(Image.fromarray(GREY > 99)), np.repeat((GREY > 99)[:, :, None] * 255, 3, 2), 0),
        (png(DEEP), np.repeat(GREY[:, :, None], 3, 2), 0),
        (png(SMOOTH[:, :, ::-1].astype(np.uint16) * 257), SMOOTH, 0),
        (encoded(RED[:1, :1]), RED[:1, :1], 0),
    ],
    ids=["grey", "grey jpeg", "cmyk", "cmyk tiff", "palette", "1 bit", "16", "16 colour", "1x1"],
)
def test_other_kinds_of_pixels(
    place: Callable[..., Path], data: bytes, expected: np.ndarray, tolerance: int
) -> None:
    found = read(place(a=data), "a").astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance


def test_transparent_pixels_lie_on_white(place: Callable[..., Path]) -> None:
    rgba = np.dstack([RED, np.full(RED.shape[:2], 255, np.uint8)])
    rgba[:20, :, 3], rgba[20:30, :, 3] = 0, 128
    found = read(place(a=encoded(rgba)), "a").astype(int)
    assert (found[:20] == 255).all()
    assert np.abs(found[20:30] - (RED[0, 0].astype(int) + 255) / 2).max() <= 1
    np.testing.assert_array_equal(found[30:], RED[30:])


@pytest.mark.parametrize("name", ["nothing", "words.txt"])
def test_a_place_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "words.txt").write_text("no zip")
    with pytest.raises(DataError, match=name), open_images(tmp_path / name):
        pass


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_has_no_end_is_no_place_of_images(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "images.zip"
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="neither a folder nor a file"):
        read(place, "a")
    with pytest.raises(DataError, match="a pipe or a device"):
        unpack_images(archives=[place], images=tmp_path / "out.zip")


def test_a_damaged_zip_entry_is_one_bad_image(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.bmp", encoded(SMOOTH, "BMP"))
        archive.writestr("b.bmp", encoded(RED, "BMP"))
    damaged = bytearray(path.read_bytes())
    damaged[3000] ^= 255
    path.write_bytes(damaged)
    with open_images(path) as images:
        with pytest.raises(ImageError, match="damaged in the zip"):
            images.read("a.bmp")
        np.testing.assert_array_equal(images.read("b.bmp"), RED)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_an_image_that_may_not_be_read_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(SMOOTH))
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(ImageError, match="not readable"):
        read(tmp_path, "a.png")


def test_threads_may_share_a_zip(tmp_path: Path) -> None:
    shades = {f"{i}.png": np.full((9, 9, 3), i, np.uint8) for i in range(60)}
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name, pixels in shades.items():
            archive.writestr(name, encoded(pixels))
    with open_images(tmp_path / "images.zip") as images, ThreadPoolExecutor(8) as pool:
        for name, found in zip(shades, pool.map(images.read, shades), strict=True):
            np.testing.assert_array_equal(found, shades[name])


def test_a_truncated_zip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", encoded(SMOOTH))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"images\.zip: neither a folder nor a readable zip"):
        read(path, "a.png")


def test_a_zip_of_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegap.images.MAX_FILES", 2)
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for k in range(3):
            archive.writestr(f"{k}.png", b"")
    with pytest.raises(DataError, match="more files than a data set of faces has"):
        read(tmp_path / "images.zip", "0.png")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.png", "a.png"], r"images\.zip: two files are called 'a\.png'"),
        (["../a.png"], r"images\.zip: member '\.\./a\.png' leads out of the archive"),
        (["b/../../a.png"], "leads out of the archive"),
        (["/a.png"], "leads out of the archive"),
    ],
)
def test_a_zip_of_repeated_or_escaping_names_is_refused(
    names: list[str], message: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name in names:
            archive.writestr(name, encoded(SMOOTH))
    with pytest.raises(DataError, match=message), open_images(tmp_path / "images.zip"):
        pass


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_folder_twice_in_a_zip_is_no_harm(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name in ("sub/", "sub/", "sub/a..png", ".DS_Store", ".DS_Store"):
            archive.writestr(name, b"" if name.endswith("/") else encoded(SMOOTH))
    with open_images(tmp_path / "images.zip") as images:
        assert images.names() == ["sub/a..png"]


def test_a_link_in_a_zip_leads_nowhere(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.png")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ImageError, match="not an image"):
        read(tmp_path / "images.zip", "a.png")


def test_a_panorama_is_read(place: Callable[..., Path]) -> None:
    wide = np.zeros((60, 20_000, 3), np.uint8)
    wide[:, -1] = 200
    np.testing.assert_array_equal(read(place(a=encoded(wide)), "a"), wide)


NOISY = cv2.add(cv2.resize(SMOOTH, (178, 218)), RNG.integers(0, 40, (218, 178, 3), dtype=np.uint8))
TURNED = Image.Exif()
TURNED[0x0112] = 6
JPEGS = {
    "plain": encoded(NOISY, "JPEG"),
    "progressive": encoded(NOISY, "JPEG", progressive=True),
    "restarts": encoded(NOISY, "JPEG", restart_marker_rows=1),
    "turned": encoded(NOISY, "JPEG", exif=TURNED),
    "grey": encoded(NOISY[..., 0], "JPEG"),
    "cmyk": encoded(Image.fromarray(NOISY).convert("CMYK"), "JPEG"),
}


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("kind", ["hole", "cut"])
def test_a_damaged_jpeg_with_its_end_is_refused(name: str, kind: str) -> None:
    data = JPEGS[name]
    assert decoded(data, "a", 10**6).size
    for share in range(30, 95, 5):
        at = len(data) * share // 100
        left = {"hole": data[:at] + bytes(max(0, len(data) - at - 2)), "cut": data[:at]}[kind]
        with pytest.raises(ImageError) as caught:
            decoded(left + b"\xff\xd9", "a", 10**6)
        assert caught.value.reason.startswith(("damaged: ", "truncated"))


@pytest.fixture(scope="module")
def counts(reliability: Reliability) -> Iterator[Counter[str]]:
    """How many JPEGs with a part zeroed were tried, and how many of them refused."""
    counts = Counter[str]()
    yield counts
    unseen = counts["tried"] - counts["refused"]
    reliability.hostile(
        "JPEGs with a part zeroed",
        f"{counts['tried']:,}",
        f"lists {counts['refused']:,} as damaged, and goes on",
        f"{unseen:,} read: the decoder was in step again, and nothing in a JPEG tells",
    )


@pytest.mark.parametrize("name", JPEGS)
def test_most_zeroed_parts_of_a_jpeg_are_noticed(name: str, counts: Counter[str]) -> None:
    """Where the decoder is in step again before the end, nothing in a JPEG tells."""
    data, rng, refused = JPEGS[name], np.random.default_rng(1), 0
    for _ in range(200):
        start = int(rng.uniform(0.3, 0.9) * len(data))
        end = min(start + int(rng.integers(64, 2000)), len(data) - 2)
        try:
            decoded(data[:start] + bytes(end - start) + data[end:], "a", 10**6)
        except ImageError:
            refused += 1
    counts.update(tried=200, refused=refused)
    assert refused / 200 > (0.8 if name == "progressive" else 0.95)


def test_a_damaged_tiff_is_refused() -> None:
    data = encoded(NOISY, "TIFF", compression="tiff_lzw")
    for share in (30, 50, 70):
        at = len(data) * share // 100
        with pytest.raises(ImageError, match="damaged"):
            decoded(data[:at] + bytes(400) + data[at + 400 :], "a", 10**6)


def test_what_follows_a_jpegs_end_is_no_damage() -> None:
    """As of phones, which put a film or a second picture there."""
    for name, data in JPEGS.items():
        whole = decoded(data, name, 10**6)
        np.testing.assert_array_equal(decoded(data + bytes(3000), name, 10**6), whole)


def test_other_words_on_stderr_are_no_damage(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another thread, while an image is decoded."""
    decode = cv2.imdecode

    def chatting(*given: object) -> object:
        os.write(2, b"W0000 some warning\nINFO: Created something\n")
        return decode(*given)

    monkeypatch.setattr(cv2, "imdecode", chatting)
    assert decoded(JPEGS["plain"], "a", 10**6).shape == NOISY.shape
    assert capfd.readouterr().err == "W0000 some warning\nINFO: Created something\n"


NAMES = ["Jürgen/1.png", "Zoë/1.png", "anna/1.png", "顔/1.png"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_found_in_either_form(place: Callable[..., Path], form: str) -> None:
    given = [unicodedata.normalize(form, name) for name in NAMES]
    there = place(
        **{name: encoded(np.full((2, 2, 3), k, np.uint8)) for k, name in enumerate(given)}
    )
    with open_images(there) as images:
        assert images.names() == sorted(NAMES)
        for k, name in enumerate(NAMES):
            for other in ("NFC", "NFD"):
                assert images.read(unicodedata.normalize(other, name))[0, 0, 0] == k


def test_a_name_in_both_forms_is_two_files(place: Callable[..., Path]) -> None:
    there = place(**{f"Jos{e}.png": encoded(RED) for e in ("é", "e\u0301")})
    message = r"two files are called 'José\.png'"
    with pytest.raises(DataError, match=message), open_images(there) as images:
        images.names()


class Unflagged(zipfile.ZipInfo):
    """A name in bytes without the flag that says that they are UTF-8, as Macs write them."""

    encoding = "utf-8"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
        return self.filename.encode(self.encoding), self.flag_bits & ~0x800


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_a_zips_names_need_no_flag(tmp_path: Path, encoding: str) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name in ("anna\\1.png", "Jürgen\\1.png"):
            info = Unflagged("x")
            info.filename, info.encoding = name, encoding
            archive.writestr(info, encoded(RED))
    with open_images(tmp_path / "images.zip") as images:
        assert images.names() == ["Jürgen/1.png", "anna/1.png"]
        assert images.read("Jürgen/1.png").shape == RED.shape


def lying(path: Path, method: int, body: bytes, size: int) -> Path:
    """A zip of one member that says that it has `size` bytes, whatever `body` unpacks to."""
    start = bytes(size)
    about = struct.pack("<HHHHIIIHH", 0, method, 0, 33, zlib.crc32(start), len(body), size, 5, 0)
    local = b"PK\3\4" + struct.pack("<H", 46) + about + b"a.png" + body
    central = b"PK\1\2" + struct.pack("<HH", 46, 46) + about + bytes(14) + b"a.png"
    ends = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + b"PK\5\6" + ends)
    return path


def packed(method: int, mebibytes: int) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA1}]
    packer = {
        8: lambda: zlib.compressobj(9, zlib.DEFLATED, -15),
        12: bz2.BZ2Compressor,
        14: lambda: lzma.LZMACompressor(lzma.FORMAT_RAW, filters=filters),
    }[method]()
    parts = [packer.compress(bytes(2**20)) for _ in range(mebibytes)]
    head = (
        struct.pack("<BBH", 9, 4, 5) + b"\x5d" + struct.pack("<I", 2**23) if method == 14 else b""
    )
    return head + b"".join(parts) + packer.flush()


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (8, ""),
        (12, "compressed by bzip2"),
        (14, "compressed by LZMA"),
        (93, "Zstandard"),
        (77, "77"),
    ],
)
def test_no_more_is_unpacked_than_a_member_says(tmp_path: Path, method: int, reason: str) -> None:
    body = packed(method if method < 20 else 8, 200)
    with open_images(lying(tmp_path / "a.zip", method, body, 1000)) as images:
        tracemalloc.start()
        try:
            if reason:
                with pytest.raises(ImageError, match=reason):
                    images.contents("a.png")
            else:
                assert images.contents("a.png") == bytes(1000)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()


def test_an_encrypted_member_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", encoded(RED))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ImageError, match="encrypted in the zip; pack it without a password"):
        read(path, "a.png")


def test_another_archive_is_said_not_to_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(90))
    message = r"a\.7z: neither a folder nor .* \.tar, \.tar\.gz"
    with pytest.raises(DataError, match=message), open_images(tmp_path / "a.7z"):
        pass
