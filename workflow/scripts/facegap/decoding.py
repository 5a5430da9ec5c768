"""The pixels of an image's file, or the plain reason why it has none that can be used."""

import io
import os
import re
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from facegap.errors import DataError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
JPEGS = {"JPEG", "MPO"}
PLAIN = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
TURN = Image.Transpose
TURNS = {  # by EXIF's number of the orientation
    **{2: TURN.FLIP_LEFT_RIGHT, 3: TURN.ROTATE_180, 4: TURN.FLIP_TOP_BOTTOM, 5: TURN.TRANSPOSE},
    **{6: TURN.ROTATE_270, 7: TURN.TRANSVERSE, 8: TURN.ROTATE_90},
}
COARSE = cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_IGNORE_ORIENTATION
DAMAGE = re.compile(  # how libjpeg and libtiff begin to speak of it, and then go on
    rb"^(Corrupt JPEG data: |Premature end of JPEG file|Inconsistent progression sequence"
    rb"|(TIFF|JPEG|ZIP|LZMA|LZW|ZSTD|Fax|PackBits|tempfile\.tif)\w*: )",
    re.MULTILINE,
)
_STDERR = Lock()
T = TypeVar("T")

Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit; ours is checked before any pixel is decoded


class ImageError(DataError):
    """One image that cannot be used; `reason` is the message without the image's place."""

    def __init__(self, path: str, reason: str) -> None:
        """The image at `path`, and in plain words what is wrong with it."""
        super().__init__(f"{path}: {reason}")
        self.reason = reason


def decoded(data: bytes, path: str, max_pixels: int) -> NDArray[np.uint8]:
    """The image in the file `data` at `path`, uint8 (h, w, 3) RGB, turned upright by EXIF or XMP.

    Deeper pixels keep their upper eight bits, transparent ones lie on white; colour profiles are
    not applied. An `ImageError` says why an image is not usable: not an image, truncated or
    damaged, or of more than `max_pixels`, which is known before any pixel is decoded.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                size = f"{image.width} x {image.height} pixels"
                raise ImageError(path, f"{size}, more than max_pixels ({max_pixels})")
            if (plain := _plain_jpeg(image, data)) is not None:
                return plain
            _undamaged(image.load)  # all of it, or an error: Pillow fills nothing in
            if image.format in JPEGS:
                refuse_damaged_jpeg(data)
            return np.array(_rgb(upright(image), path))
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(path, f"not an image ({', '.join(FORMATS)})") from error
    except Exception as error:  # decoders raise whatever they meet in damaged data
        reason = "truncated" if "truncated" in str(error).lower() else f"damaged: {error}"
        raise ImageError(path, reason) from error


def upright(image: Image.Image) -> Image.Image:
    """`image` turned as its EXIF or XMP says; nothing else that these have is looked at.

    Pillow's own `exif_transpose` writes all of it anew, and fails where a value is odd.
    """
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as its readers raise them; damaged metadata is no damaged picture
        turn = None
    return image if turn is None else image.transpose(turn)


def _plain_jpeg(image: Image.Image, data: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a JPEG in colour, not turned and ended by its end marker; none of any other.

    The same pixels as Pillow's in half the time. OpenCV fills a truncated JPEG with grey, but in
    a truncated one no end marker is last: it cannot occur among the coefficients.
    """
    if image.format != "JPEG" or image.mode != "RGB" or {"exif", "xmp"} & image.info.keys():
        return None
    if not data.endswith(b"\xff\xd9"):
        return None
    decoded = _undamaged(lambda: cv2.imdecode(np.frombuffer(data, np.uint8), PLAIN))
    return None if decoded is None else np.asarray(decoded, dtype=np.uint8)


def refuse_damaged_jpeg(data: bytes) -> None:
    """Raise `ValueError` where libjpeg has to guess pixels of the JPEG `data`, as in a hole.

    All its coefficients are read, and few of its pixels made: 0.07 ms of a face of 178 x 218.
    Pillow, which reads the JPEGs that OpenCV does not, keeps libjpeg's words to itself.
    """
    _undamaged(lambda: cv2.imdecode(np.frombuffer(data, np.uint8), COARSE))


def _undamaged(decode: Callable[[], T]) -> T:
    """What `decode` returns; a `ValueError` where the decoder says that the data are damaged.

    libjpeg and libtiff say so on stderr and go on with pixels that nobody took. So stderr is a
    pipe meanwhile (8 µs), and what is not about damage goes where it would have gone.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)  # what does not fit is lost, and nobody waits
    with _STDERR:
        stderr = os.dup(2)
        os.dup2(writing, 2)
        try:
            value = decode()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            os.close(writing)
            try:
                words = os.read(reading, 2**16)
            except BlockingIOError:
                words = b""
            os.close(reading)
    if DAMAGE.search(words):
        raise ValueError("its decoder has to guess pixels")
    if words:
        os.write(2, words)
    return value


def _rgb(image: Image.Image, path: str) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16"):  # convert() would clip at 255
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ImageError(path, f"pixels of mode {image.mode}, whose range is not known")
    if image.has_transparency_data:
        page = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(page, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")
