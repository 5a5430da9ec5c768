"""What a picture looks like, as 256 bits: equal or nearly so where it is the same picture."""

import io

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from facegap.decoding import FORMATS, decoded, refuse_damaged_jpeg, upright
from facegap.errors import DataError
from facegap.images import MAX_PIXELS

SIDE = 16  # bits a row and column
BITS = SIDE**2
ENOUGH = 4 * SIDE  # pixels a side that ImageHash uses: a JPEG is decoded no larger than twice that


def looks(data: bytes, path: str) -> tuple[bytes, bytes] | None:
    """The perceptual hash of the image in the file `data` at `path`, and of its mirror image.

    ImageHash's pHash: signs of the lowest 16 by 16 frequencies (DCT) of the grey image against
    their median; 32 bytes each. None of what is no image, which is listed where it is aligned.
    """
    try:
        grey = _grey(data, path)
        return _hash(grey), _hash(ImageOps.mirror(grey))
    except Exception:  # decoders raise whatever they meet in damaged data
        return None


def _hash(grey: Image.Image) -> bytes:
    bits: NDArray[np.bool_] = imagehash.phash(grey, hash_size=SIDE).hash
    return np.packbits(bits).tobytes()


def _grey(data: bytes, path: str) -> Image.Image:
    """The image in grey, upright; a JPEG's decoder leaves out what is finer than the hash sees."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DataError(f"{path}: {image.width} x {image.height} pixels")
        if image.format == "JPEG":
            image.draft("L", (ENOUGH, ENOUGH))
            refuse_damaged_jpeg(data)
            return upright(image).convert("L")
    return Image.fromarray(decoded(data, path, MAX_PIXELS)).convert("L")
