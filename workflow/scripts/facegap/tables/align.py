"""What align hands on: which faces have crops, their landmarks and measures."""

import pandera.pandas as pa

from facegap.tables.base import flag, integer, real, table, text

ALIGNED = table(
    {"face_id": text(unique=True), "row": integer()}, "aligned faces"
)  # row: of every crop, over all shards one after another
LANDMARKS = table(
    {"face_id": text(unique=True), "landmarks": pa.Column(object)}, "landmarks"
)  # landmarks: 136 float32, x0 y0 x1 y1 ... of the 68 points, pixels of the image as read
FOUND = table(
    {
        "face_id": text(unique=True),
        "image": text(),  # digest of its file
        "points": pa.Column(object),  # k x 136 float32 of its k faces
        "poses": pa.Column(object),  # k x 3 float32: yaw, pitch, roll
        "expressions": pa.Column(object),  # k x 2 float32: blink, smile
    },
    "faces found in images",
)
MEASURES = table(
    {
        "face_id": text(unique=True),
        "faces": integer(1),  # found in the image
        "size": real(0),  # of the square from ear to ear and brow to chin, pixels
        "sharpness": real(0),  # variance of the Laplacian at 128 pixels from ear to ear
        "yaw": real(-180, 180),  # degrees; positive to the right of the image
        "pitch": real(-180, 180),  # positive up
        "roll": real(-180, 180),  # positive where the left eye is the lower one
        "blink": real(0, 1, nullable=True),  # the landmarker's own score of closed eyes
        "smile": real(0, 1, nullable=True),
        # of the skin, and of the picture (facegap/align/tones.py)
        "light": real(0, 100),  # L*
        "tint_red": real(-128, 128),  # a*
        "tint_yellow": real(-128, 128),  # b*
        "skin_tone": real(-180, 180),  # ITA, degrees
        "hue": real(-180, 180),  # degrees
        "aligned": flag(),  # or rejected
    },
    "measures of the faces found",
)
