"""The tables of photographs: as they came, near-duplicates among them, and what is learned from."""

from __future__ import annotations

from pyspark.sql import types as T

from brazada.tables import Table, column

SEVERITIES = ("minor", "moderate", "severe")
THUMBNAIL = 64  # pixels a side

_TEXT, _INT = T.StringType(), T.IntegerType()
_TOLD = [
    column("id", _TEXT, "First 16 digits of the SHA-256 of the file"),
    column("path", _TEXT, "Where it came from"),
    column("label", _TEXT, "Severity: minor, moderate or severe"),
    column("class_number", _INT, "0, 1 or 2"),
    column("part", _TEXT, "Part that its folder or manifest names: train, val or test", required=False),
]

PHOTOS = Table(
    name="images.photos",
    written_by="images ingest-car-damage FOLDER",
    comment="One photograph of a damaged car, as it came.",
    columns=T.StructType(
        [
            *_TOLD,
            column("content", T.BinaryType(), "The file, as it is"),
            column("format", _TEXT, "JPEG, PNG or WEBP"),
            column("width", _INT, "Pixels across, as it lies in the file"),
            column("height", _INT, "Pixels down, as it lies in the file"),
            column("orientation", _INT, "How EXIF says it is to be turned, 1 to 8; 1 for not"),
            column("hash", T.LongType(), "Perceptual hash of the upright picture: signs of 64 low frequencies"),
            column("thumbnail", T.BinaryType(), "64 x 64 grey levels of the upright picture"),
            column("batch", _TEXT, "SHA-256 of the file"),
        ]
    ),
    key=("id",),
    constraints={"class_known": f"class_number BETWEEN 0 AND {len(SEVERITIES) - 1}"},
    stats_on=("id", "label", "class_number", "part"),
)

DUPLICATES = Table(
    name="images.duplicates",
    written_by="images ingest-car-damage FOLDER",
    comment="Two photographs of which one is a copy of the other: turned, mirrored, cut, or compressed anew.",
    columns=T.StructType(
        [
            column("id", _TEXT, "The photograph whose id comes first"),
            column("other", _TEXT, "The other"),
            column(
                "likeness",
                T.DoubleType(),
                "Correlation of their grey levels, after the one is turned and cut as the other",
            ),
            column("distance", _INT, "Bits in which their perceptual hashes differ then"),
            column("turned", _INT, "Quarter turns of the one, then"),
            column("mirrored", T.BooleanType(), "Whether the one is mirrored, then"),
            column("cut", _TEXT, "What of the one the other shows: whole, which nine tenths, or how much from where"),
            column("group", _TEXT, "Lowest id among all that are copies of each other, or of each other's copies"),
        ]
    ),
    key=("id", "other"),
)

CAR_DAMAGE = Table(
    name="images.car_damage",
    written_by="images ingest-car-damage FOLDER",
    comment="One photograph of a damaged car, at the size that is learned from.",
    columns=T.StructType(
        [
            *_TOLD,
            column("group", _TEXT, "Lowest id among its near-duplicates, its own where it has none"),
            column("picture", T.BinaryType(), "JPEG of the upright picture, drawn to a square"),
            column("split", _TEXT, "train, validate or test; left_out: a copy of a test picture, from another part"),
            column("shard", _INT, "File of the split"),
        ]
    ),
    key=("id",),
    partition_by=("split", "shard"),
    stats_on=("id", "label", "class_number", "part", "group"),
)
