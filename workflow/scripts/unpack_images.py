"""Rule unpack_images: tars of images become one zip that is read in place."""

from facegap.acquire.archives import unpack_images
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    unpack_images(archives=snakemake.input.archives, images_zip=snakemake.output[0])
