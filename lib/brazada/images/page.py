"""The page of pictures: who was taken for whom, figures by class, the worst mistakes and copies as pictures."""

from __future__ import annotations

import base64
import io
from itertools import groupby

from brazada.pages import Block, Grid, Matrix, Missing, Page, Pictures, Reader

_MISTAKES = 24
_SIDE = 28  # of a picture of Fashion-MNIST


def page(reader: Reader) -> Page:
    """The page, from ml.confusion, ml.class_report, images.mistakes and images.duplicate_groups."""
    blocks = [block for part in (_classes, _mistakes) for block in part(reader)]
    return Page("images", "Images", "How well pictures are told, and where they are not.", blocks)


def _classes(reader: Reader) -> list[Block]:
    tasks = "task IN ('fashion', 'car_damage')"
    cells = (
        reader.rows(f"SELECT * FROM ml.confusion WHERE {tasks} ORDER BY task, run, label")  # noqa: S608 - a constant
        if reader.has("ml.confusion")
        else []
    )
    if not cells:
        return [Missing("Classes", "No run was scored on test pictures yet: `brazada evaluate fashion` does it.")]
    blocks: list[Block] = []
    for (task, run, network), group in groupby(cells, lambda row: (row["task"], row["run"], row["network"])):
        counts = {(row["label"], row["predicted"]): row["rows"] for row in group}
        names = sorted({name for pair in counts for name in pair})
        right = sum(count for (label, told), count in counts.items() if label == told) / sum(counts.values())
        text = f"Run {run}: a row for each true class. {right:.1%} of the test pictures are told right."
        blocks.append(Matrix(f"{task} by {network}: who is taken for whom", text, names, names, counts))
    report = (
        reader.rows("SELECT *, label AS name FROM images.fashion_report")
        if reader.has("images.fashion_report")
        else reader.rows(f"SELECT *, '' AS etiqueta FROM ml.class_report WHERE {tasks} ORDER BY run, place, label")  # noqa: S608
    )
    grid = [
        {
            "network": row["network"], "class": row["label"], "clase": row["etiqueta"], "precision": row["precision"],
            "recall": row["recall"], "F1": row["f1"], "pictures": int(row["support"]),
        }
        for row in report
    ]  # fmt: skip
    return [*blocks, Grid("Figures by class", "In the layout of scikit-learn's report, in English and Spanish.", grid)]


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


def _grey(pixels: bytes) -> str:
    """A square grey picture as a `data:` address."""
    from PIL import Image

    held = io.BytesIO()
    Image.frombytes("L", (_SIDE, _SIDE), pixels).save(held, "PNG")
    return f"data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}"
