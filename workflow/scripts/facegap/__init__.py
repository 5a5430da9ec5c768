"""facegap: how far face models fall when they cross a demographic boundary. A part per stage."""

import gc

# Loading torch makes a million objects that all stay. Looking through them every 700, as Python
# does by itself, takes half a second of each of a study's jobs.
gc.set_threshold(50_000, *gc.get_threshold()[1:])
