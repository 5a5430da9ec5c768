"""Settings of the stage align."""

from typing import Annotated, Literal

from pydantic import Field

from facegap.settings.base import Count, Section, Share, paper

Size = Annotated[int, Field(ge=16, le=1024)]
Degrees = Annotated[float, Field(ge=0, le=180)]


class Limits(Section):
    """Beyond these a face that was found is rejected; by default none is."""

    size: float = Field(
        0, ge=0, description="Least size, pixels, of the square from ear to ear and brow to chin."
    )
    sharpness: float = Field(
        0, ge=0, description="Least variance of the Laplacian of the face at 128 pixels."
    )
    yaw: Degrees = Field(180, description="± degrees.")
    pitch: Degrees = Field(180, description="± degrees.")
    roll: Degrees = Field(180, description="± degrees.")


class Crop(Section):
    """A crop that has a size alone."""

    size: Size = Field(description="Size in pixels.")


class Whole(Crop):
    """The whole image."""

    fit: Literal["squeeze", "crop", "pad"] = Field(
        "squeeze",
        description=(
            "How an image that is no square becomes one. squeeze: by another scale for width and"
            " height. crop: its middle square. pad: in the middle of a black square."
        ),
        json_schema_extra=paper("2.2 (scaled to 200 x 200)"),
    )


class EarsChin(Crop):
    """Eyes level, ear to ear, brow to chin."""

    margin: Share = Field(
        0, description="Room around ears, brow and chin, as a share of their square."
    )


class Similarity(Crop):
    """The similarity of Cambridge's OpenFace."""

    scale: float = Field(
        0.7,
        gt=0,
        description=(
            "Pixels per unit of the mean face, of 145 from ear to ear; 0.7 with a size of 112 is"
            " OpenFace's."
        ),
    )
    mask: bool = Field(False, description="Black outside of the face.")


class Centre(Crop):
    """The middle box of the image, resized."""

    box: int = Field(ge=16, description="Size of the box, pixels of the image.")


CropName = Literal["none", "ears-chin", "openface", "openface-similarity", "centre"]


class Crops(Section):
    """The crops to write, sizes in pixels."""

    none: Whole = Field(Whole(size=200), description="The whole image.")
    ears_chin: EarsChin = Field(
        EarsChin(size=200),
        alias="ears-chin",
        description="Eyes level, ear to ear, brow to chin.",
        json_schema_extra=paper("2.2 (200)"),
    )
    openface: Crop | None = Field(None, description="The affine template of CMU's OpenFace.")
    openface_similarity: Similarity | None = Field(
        None,
        alias="openface-similarity",
        description=(
            "The similarity of Cambridge's OpenFace, by points that move little with the"
            " expression."
        ),
    )
    centre: Centre = Field(
        Centre(size=128, box=178),
        description="The middle box of the image, resized; what StarGAN trains on.",
        json_schema_extra=paper("3.3 (128 of 178)"),
    )

    def written(self) -> dict[str, Crop]:
        """The crops that are written, by name."""
        fields = type(self).model_fields
        crops = {fields[name].alias or name: crop for name, crop in self}
        return {name: crop for name, crop in crops.items() if crop is not None}


class Align(Section):
    """Stage align."""

    shards: Count = Field(1, description="Jobs that a data set's alignment is cut into.")
    confidence: Share = Field(0.5, description="Least detection confidence of the landmarker.")
    face: Literal["nearest", "largest"] = Field(
        "nearest",
        description=(
            "Which of several faces in an image is aligned: the one nearest to its middle, or the"
            " largest."
        ),
    )
    max_pixels: Count = Field(50_000_000, description="Larger images are rejected unread.")
    limits: Limits = Field(
        default_factory=Limits,
        description=(
            "Beyond these a face that was found is rejected; by default none is. Each face's"
            " measures are in align/<dataset>/measures.parquet, to set limits by."
        ),
    )
    crops: Crops = Field(default_factory=Crops, description="The crops to write.")
