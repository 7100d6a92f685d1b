"""SQL views for analysts over the figures of every task."""

from __future__ import annotations

from brazada.tables import View
from brazada.training.tables import METRICS, RUNS

VIEWS = (
    View(
        name="ml.class_report",
        comment="Precision, recall, F1 and support by class on the test rows of every run that told classes, then their"
        " means, in the layout of scikit-learn's report. Rows by `place`.",
        tables=(METRICS.name, RUNS.name),
        query=r"""
            WITH figures AS (
              SELECT run, regexp_extract(name, r'^test_class\.([a-z0-9]+)\.(.*)$', 1) AS what,
                     regexp_extract(name, r'^test_class\.([a-z0-9]+)\.(.*)$', 2) AS label, value
              FROM ml.metrics WHERE name LIKE r'test\_class.%'
            ), classes AS (
              SELECT run, label, max(value) FILTER (WHERE what = 'precision') AS precision,
                     max(value) FILTER (WHERE what = 'recall') AS recall, max(value) FILTER (WHERE what = 'f1') AS f1,
                     max(value) FILTER (WHERE what = 'support') AS support
              FROM figures GROUP BY run, label
            ), means AS (
              SELECT run, sum(support) AS rows, sum(recall * support) / sum(support) AS accuracy,
                     avg(precision) AS precision, avg(recall) AS recall, avg(f1) AS f1,
                     sum(precision * support) / sum(support) AS precision_weighted,
                     sum(f1 * support) / sum(support) AS f1_weighted
              FROM classes GROUP BY run
            ), report AS (
              SELECT run, 0 AS place, label, precision, recall, f1, support FROM classes
              UNION ALL SELECT run, 1, 'accuracy', NULL, NULL, accuracy, rows FROM means
              UNION ALL SELECT run, 2, 'macro avg', precision, recall, f1, rows FROM means
              UNION ALL SELECT run, 3, 'weighted avg', precision_weighted, accuracy, f1_weighted, rows FROM means
            )
            SELECT run, runs.task, runs.network, place, label, precision, recall, f1, support
            FROM report JOIN ml.runs AS runs USING (run)
        """,
    ),
    View(
        name="ml.confusion",
        comment="How many test rows of each class were told to be of which, for every run that told classes.",
        tables=(METRICS.name, RUNS.name),
        query=r"""
            SELECT run, runs.task, runs.network, regexp_extract(name, r'^test_confusion\.(.*)>(.*)$', 1) AS label,
                   regexp_extract(name, r'^test_confusion\.(.*)>(.*)$', 2) AS predicted, value AS rows
            FROM ml.metrics JOIN ml.runs AS runs USING (run) WHERE name LIKE r'test\_confusion.%'
        """,
    ),
)
