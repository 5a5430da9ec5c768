"""Rule unpack_images: tars of images become one zip that is read in place."""

from facegap.acquire.archives import unpack_images
from facegap.job import run

run(unpack_images, snakemake)
