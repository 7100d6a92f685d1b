"""SQL views for analysts over pictures and what was told of them."""

from __future__ import annotations

from brazada.images.car_damage.tables import CAR_DAMAGE
from brazada.images.fashion.tables import CLASSES, FASHION, SPANISH
from brazada.tables import View, literal

_NAMES = ", ".join(
    f"({number}, {literal(english)}, {literal(spanish)})"
    for number, (english, spanish) in enumerate(zip(CLASSES, SPANISH, strict=True))
)
_CLASSES = f"SELECT * FROM VALUES {_NAMES} AS classes(class_number, label, etiqueta)"  # noqa: S608 - constants
_CELLS = ", ".join(f"coalesce(max(rows) FILTER (WHERE predicted = {literal(name)}), 0) AS `{name}`" for name in CLASSES)

_OF_FASHION = (
    View(
        name="images.fashion_classes",
        comment="The ten classes of Fashion-MNIST by number, in English and Spanish.",
        tables=(FASHION.name,),
        query=_CLASSES,
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
        name="images.fashion_report",
        comment="Precision, recall, F1 and support of every run by class, in English and Spanish, as published.",
        tables=(FASHION.name, "ml.metrics", "ml.runs"),
        query=f"""
            SELECT run, network, report.label, coalesce(etiqueta, CASE report.label WHEN 'accuracy' THEN 'exactitud'
                     WHEN 'macro avg' THEN 'media' ELSE 'media ponderada' END) AS etiqueta,
                   precision, recall, f1, support
            FROM ml.class_report AS report LEFT JOIN ({_CLASSES}) AS classes ON report.label = classes.label
            WHERE task = 'fashion' ORDER BY run, place, class_number
        """,  # noqa: S608 - constants
    ),
    View(
        name="images.fashion_confusion",
        comment="The confusion matrix of every run: a row for each true class, a column for each predicted one.",
        tables=(FASHION.name, "ml.metrics", "ml.runs"),
        query=f"""
            SELECT run, network, confusion.label, etiqueta, {_CELLS}
            FROM ml.confusion AS confusion JOIN ({_CLASSES}) AS classes ON confusion.label = classes.label
            WHERE task = 'fashion' GROUP BY run, network, confusion.label, etiqueta, class_number
            ORDER BY run, class_number
        """,  # noqa: S608 - constants
    ),
)

_MISTAKES = """
    SELECT told.run, told.task, told.id, picture.split, picture.label AS label, told.label AS predicted,
           told.probability, told.probabilities[picture.label] AS probability_of_label
    FROM ml.predictions AS told JOIN {table} AS picture ON told.id = picture.id
    WHERE told.task = '{task}' AND told.label != picture.label
"""


def _mistakes(*tasks: tuple[str, str]) -> View:
    """The view of mistakes over these tasks and their tables; of several that can be made the last is."""
    parts = " UNION ALL ".join(_MISTAKES.format(task=task, table=table) for task, table in tasks)
    return View(
        name="images.mistakes",
        comment="Predicted pictures whose label is another: the surest first.",
        tables=(*(table for _, table in tasks), "ml.predictions"),
        query=f"SELECT * FROM ({parts}) ORDER BY probability DESC",  # noqa: S608 - declared names
    )


_FASHION, _CAR_DAMAGE = ("fashion", FASHION.name), ("car_damage", CAR_DAMAGE.name)
VIEWS = (
    *_OF_FASHION,
    View(
        name="images.duplicate_groups",
        comment="Photographs that are copies of each other, with the parts, severities and splits they are in.",
        tables=(CAR_DAMAGE.name,),
        query=f"""
            SELECT `group`, count(*) AS photographs, array_sort(collect_set(part)) AS parts,
                   array_sort(collect_set(label)) AS labels, array_sort(collect_set(split)) AS splits,
                   array_sort(collect_list(path)) AS paths
            FROM {CAR_DAMAGE.name} GROUP BY `group` HAVING count(*) > 1
        """,  # noqa: S608 - a declared name
    ),
    _mistakes(_FASHION),
    _mistakes(_CAR_DAMAGE),
    _mistakes(_FASHION, _CAR_DAMAGE),
)
