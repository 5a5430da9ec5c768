"""Rule unpack_images: tars of images become one zip that is read in place."""

from facegap.job import run
from facegap.acquire.archives import unpack_images

run(unpack_images, snakemake)
