"""Every kind of crop, small: settings of align.crops."""

from typing import Any

CROPS: dict[str, dict[str, Any]] = {
    "none": {"size": 64},
    "ears-chin": {"size": 128, "margin": 0},
    "openface": {"size": 96},
    "openface-similarity": {"size": 112, "scale": 0.7, "mask": True},
    "centre": {"size": 64, "box": 178},
}
