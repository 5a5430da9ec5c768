"""Fetch files into the cache ahead of a study, where its jobs have no internet."""

import argparse

from facegap.acquire.assets import cached
from facegap.acquire.manifest import barred, place
from facegap.assets import manifest
from facegap.errors import AssetError


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `facegap acquire`."""
    parser.add_argument("names", nargs="*", metavar="file", help="none: list what can be fetched")
    parser.add_argument(
        "--accept-terms", nargs="+", default=[], metavar="word", help="utkface, celeba"
    )
    parser.set_defaults(command=run)


def run(given: argparse.Namespace) -> None:
    """Fetch the files named, or list all."""
    entries = manifest()
    if not given.names:
        for name, asset in entries.items():
            state = "in the cache" if place(name, asset).exists() else ""
            size = f"{asset['size'] / 1e6:.0f} MB" if "size" in asset else ""
            print(f"{name:<38}{size:>9}  {asset['licence']:<54}{state}".rstrip())
    for name in given.names:
        if name not in entries:
            raise AssetError(f"{name} is not among the files that facegap can fetch")
        asset = entries[name]
        if barred(asset, given.accept_terms):
            raise AssetError(
                f"{name}: {asset['summary']} Terms: {asset['terms']}\n"
                f"Accept them with --accept-terms {asset['accept']}"
            )
        print(cached(name, asset, accepted=given.accept_terms))
