"""The table of Fashion-MNIST, and its classes."""

from __future__ import annotations

from pyspark.sql import types as T

from brazada.tables import Table, column

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SPANISH = (
    "Camiseta/top",
    "Pantalón",
    "Suéter",
    "Vestido",
    "Abrigo",
    "Sandalia",
    "Camisa",
    "Zapatilla",
    "Bolso",
    "Botín",
)
SIDE = 28  # pixels

FASHION = Table(
    name="images.fashion",
    written_by="images ingest-fashion FOLDER",
    comment="One picture of a piece of clothing.",
    columns=T.StructType(
        [
            column("id", T.StringType(), "Part and number, as train-00042"),
            column("part", T.StringType(), "Published part: train or test"),
            column("number", T.IntegerType(), "Place in the file of its part, from 0"),
            column("label", T.StringType(), "Class, in English"),
            column("class_number", T.IntegerType(), "Number of the class, 0 to 9"),
            column("pixels", T.BinaryType(), "28 x 28 grey levels, row by row, 0 black to 255 white"),
            column("split", T.StringType(), "train or validate, of the training part; test"),
            column("shard", T.IntegerType(), "File of the split"),
            column("batch", T.StringType(), "Content of the files it came from"),
        ]
    ),
    key=("id",),
    constraints={
        "class_known": f"class_number BETWEEN 0 AND {len(CLASSES) - 1}",
        "pixels_all_there": f"length(pixels) = {SIDE * SIDE}",
    },
    partition_by=("split", "shard"),
    stats_on=("id", "part", "number", "label", "class_number"),
)
