"""SQL views for analysts over pictures and what was told of them."""

from __future__ import annotations

from brazada.images.fashion.tables import CLASSES, FASHION, SPANISH
from brazada.tables import View, literal

_NAMES = ", ".join(
    f"({number}, {literal(english)}, {literal(spanish)})"
    for number, (english, spanish) in enumerate(zip(CLASSES, SPANISH, strict=True))
)

VIEWS = (
    View(
        name="images.fashion_classes",
        comment="The ten classes of Fashion-MNIST by number, in English and Spanish.",
        tables=(FASHION.name,),
        query=f"SELECT * FROM VALUES {_NAMES} AS classes(class_number, label, etiqueta)",  # noqa: S608 - constants
    ),
    View(
        name="images.fashion_duplicates",
        comment="Pictures of Fashion-MNIST that are there more than once, to the byte.",
        tables=(FASHION.name,),
        query=f"""
            SELECT sha2(pixels, 256) AS content, count(*) AS pictures, count(DISTINCT part) AS parts,
                   array_sort(collect_list(id)) AS ids, array_sort(collect_set(label)) AS labels
            FROM {FASHION.name} GROUP BY pixels HAVING count(*) > 1
        """,  # noqa: S608 - a declared name
    ),
    View(
        name="images.mistakes",
        comment="Predicted pictures whose label is another: the surest first.",
        tables=(FASHION.name, "ml.predictions"),
        query=f"""
            SELECT told.run, told.task, told.id, picture.split, picture.label AS label, told.label AS predicted,
                   told.probability, told.probabilities[picture.label] AS probability_of_label
            FROM ml.predictions AS told JOIN {FASHION.name} AS picture ON told.id = picture.id
            WHERE told.task = 'fashion' AND told.label != picture.label
            ORDER BY told.probability DESC
        """,  # noqa: S608 - a declared name
    ),
)
