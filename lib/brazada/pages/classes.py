"""What pages of classifiers show alike: who is taken for whom, and figures by class."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from brazada.pages.blocks import Block, Grid, Matrix, Missing
from brazada.pages.reader import Reader
from brazada.tables import literal


def classes(reader: Reader, tasks: Sequence[str], rows: str, report: str = "ml.class_report") -> list[Block]:
    """A matrix for each scored run of these tasks, and a table of figures by class.

    `rows` says what a row is, as `pictures`. `report` is ml.class_report, or a query of it with a column `etiqueta`
    more, the Spanish name of a class.
    """
    of_tasks = f"task IN ({', '.join(map(literal, tasks))})"
    cells = (
        reader.rows(f"SELECT * FROM ml.confusion WHERE {of_tasks} ORDER BY task, run, label")  # noqa: S608 - literals
        if reader.has("ml.confusion")
        else []
    )
    if not cells:
        return [Missing("Classes", f"No run was scored on test {rows} yet: `brazada evaluate {tasks[0]}` does it.")]
    blocks: list[Block] = []
    for (task, run, network), group in groupby(cells, lambda row: (row["task"], row["run"], row["network"])):
        counts = {(row["label"], row["predicted"]): row["rows"] for row in group}
        names = sorted({name for pair in counts for name in pair})
        right = sum(count for (label, told), count in counts.items() if label == told) / sum(counts.values())
        text = f"Run {run}: a row for each true class. {right:.1%} of the test {rows} are told right."
        blocks.append(Matrix(f"{task} by {network}: who is taken for whom", text, names, names, counts))
    figures = reader.rows(f"SELECT * FROM {report} WHERE {of_tasks} ORDER BY run, place, label")  # noqa: S608
    grid = [
        {"task": row["task"], "network": row["network"], "class": row["label"]}
        | ({"clase": row["etiqueta"]} if "etiqueta" in row else {})
        | {name: row[name] for name in ("precision", "recall", "f1")}
        | {rows: int(row["support"])}
        for row in figures
    ]
    return [*blocks, Grid("Figures by class", "In the layout of scikit-learn's report.", grid)]
