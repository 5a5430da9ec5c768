"""Stage 1, acquire: images, and one table of what is known of them."""

from facegap.acquire.archives import unpack_images
from facegap.acquire.assets import fetch_asset
from facegap.acquire.collection import draw_faces
from facegap.acquire.readers import read_celeba, read_folder, read_utkface

__all__ = [
    "draw_faces",
    "fetch_asset",
    "read_celeba",
    "read_folder",
    "read_utkface",
    "unpack_images",
]
