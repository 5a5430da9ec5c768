"""Names that a user's column may have: any text, and those of every column in facegap's tables."""

import pkgutil
from importlib import import_module
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from hypothesis import strategies as st

from facegap import tables
from facegap.tables.acquire import FACES, KNOWN, OURS
from facegap.tables.base import read_table, write_table


def columns_of_tables() -> list[str]:
    """Every name that a column of a contract between stages has."""
    names = [module.name for module in pkgutil.iter_modules(tables.__path__)]
    modules = [import_module(f"facegap.tables.{name}") for name in names]
    schemas = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, pa.DataFrameSchema)
    ]
    return sorted({name for schema in schemas for name in schema.columns})


MADE_BESIDE = {"both", "real", "reconstruction", "index", "0"}  # in memory, in no table
FREE = sorted({*columns_of_tables(), *MADE_BESIDE} - {*OURS, *KNOWN})
ANY_NAME = st.sampled_from(FREE) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: name not in {*OURS, *KNOWN})


def add_columns(faces: Path) -> None:
    """Give the table at `faces` (FACES) an attribute of every name that is free."""
    table = read_table(faces, FACES)
    flags = pd.Series(range(len(table)), dtype="Int8") % 2
    write_table(table.assign(**dict.fromkeys(FREE, flags)), faces, FACES)
