"""The page of pictures: who was taken for whom, figures by class, the worst mistakes and copies as pictures."""

from __future__ import annotations

import base64
import io

from brazada.pages import Block, Missing, Page, Pictures, Reader, classes

_MISTAKES = 24
_PAIRS = 12
_SIDE = 28  # of a picture of Fashion-MNIST
_WIDE = 320  # of a photograph, at most


def page(reader: Reader) -> Page:
    """The page, from ml.confusion, ml.class_report, images.mistakes and images.duplicates."""
    report = "ml.class_report"
    if reader.has("images.fashion_classes"):
        report = "(SELECT * FROM ml.class_report LEFT JOIN images.fashion_classes USING (label))"
    blocks = [*classes(reader, ("fashion", "car_damage"), "pictures", report), *_mistakes(reader), *_copies(reader)]
    return Page("images", "Images", "How well pictures are told, and where they are not.", blocks)


def _mistakes(reader: Reader) -> list[Block]:
    if not reader.has("images.mistakes", "images.fashion"):
        return [Missing("Worst mistakes", "No picture was told yet: `brazada predict fashion` tells all.")]
    rows = reader.rows(f"""
        SELECT fashion.pixels, fashion.label, told.predicted, told.probability
        FROM images.mistakes AS told JOIN images.fashion AS fashion ON fashion.id = told.id
        WHERE told.task = 'fashion' AND told.split = 'test' ORDER BY told.probability DESC LIMIT {_MISTAKES}
    """)  # noqa: S608 - a constant
    pictures = [
        (_grey(bytes(row["pixels"])), f"{row['label']}, told {row['predicted']} ({row['probability']:.0%})")
        for row in rows
    ]
    return [Pictures("Worst mistakes", "Test pictures that the model was surest of, and wrong.", pictures)]


def _copies(reader: Reader) -> list[Block]:
    title = "Photographs that are copies of each other"
    if not reader.has("images.duplicates", "images.photos"):
        return [
            Missing(title, "No photographs were taken in yet: `brazada images ingest-car-damage` looks for copies.")
        ]
    rows = reader.rows(f"""
        SELECT pairs.*, one.content AS one, two.content AS two FROM images.duplicates AS pairs
          JOIN images.photos AS one ON one.id = pairs.id JOIN images.photos AS two ON two.id = pairs.other
        ORDER BY likeness DESC LIMIT {_PAIRS}
    """)  # noqa: S608 - a constant
    pictures = []
    for row in rows:
        how = f"turned by {90 * row['turned']}°{', mirrored' if row['mirrored'] else ''}, {row['cut']}"
        pictures.append((_small(bytes(row["one"])), f"{row['id']}, of which the next is a copy"))
        pictures.append((_small(bytes(row["two"])), f"{row['other']}: {how}, likeness {row['likeness']:.3f}"))
    text = "The surest pairs, side by side. A copy of a test picture is not learned from."
    return [Pictures(title, text, pictures)] if pictures else [Missing(title, "No photograph is a copy of another.")]


def _small(content: bytes) -> str:
    """A photograph, upright and small, as a `data:` address."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    picture.thumbnail((_WIDE, _WIDE))
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=80)
    return _address(held, "jpeg")


def _address(held: io.BytesIO, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(held.getvalue()).decode()}"


def _grey(pixels: bytes) -> str:
    """A square grey picture as a `data:` address."""
    from PIL import Image

    held = io.BytesIO()
    Image.frombytes("L", (_SIDE, _SIDE), pixels).save(held, "PNG")
    return _address(held, "png")
