"""Which statements of SQL only read: told by Spark's parsed plan, by a list of what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from brazada.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PLANS = """
    Aggregate Distinct Except Filter Generate GlobalLimit Intersect Join LateralJoin LocalLimit Offset OneRowRelation
    Pivot Project RebalancePartitions RelationTimeTravel Repartition RepartitionByExpression Sample Sort SubqueryAlias
    Tail Union Unpivot UnresolvedHaving UnresolvedHint UnresolvedInlineTable UnresolvedRelation
    UnresolvedSubqueryColumnAliases UnresolvedTVFAliases UnresolvedTableValuedFunction UnresolvedWith Window
    WithWindowDefinition
    DescribeColumn DescribeDeltaDetailCommand DescribeDeltaHistory DescribeFunction DescribeNamespace
    DescribeQueryCommand DescribeRelation ExplainCommand ShowCatalogsCommand ShowColumns ShowCreateTable
    ShowCurrentNamespaceCommand ShowFunctions ShowNamespaces ShowPartitions ShowTableExtended ShowTableProperties
    SetCatalogAndNamespace ShowTables ShowViews
    UnresolvedFunctionName UnresolvedNamespace UnresolvedTable UnresolvedTableOrView
"""
_ALLOWED = frozenset(_PLANS.split())
# What calls Java by name; and what takes a name from a text, in which any of these or a file could be.
_REFUSED_FUNCTIONS = frozenset({"java_method", "reflect", "try_reflect", "call_function"})
_NAMED_BY_TEXT = frozenset({"ExpressionWithUnresolvedIdentifier"})
_EXPECTED = "a statement that only reads (SELECT, WITH, VALUES, SHOW, DESCRIBE, EXPLAIN)"


def refuse_changes(spark: SparkSession, text: str, *, allow_files: bool = False) -> None:
    """Raise UsageError for a statement that does more than read tables and views, however it is nested or commented.

    A relation that is a file, as text.`/a/file`, is refused too unless `allow_files`. Raises Spark's ParseException for
    what is no SQL.
    """
    plan = spark._jsparkSession.sessionState().sqlParser().parsePlan(text)
    refuse_plan(spark, plan, text, allow_files=allow_files)


def refuse_plan(spark: SparkSession, plan: Any, text: str, *, allow_files: bool = False) -> None:
    """Raise UsageError as `refuse_changes` does, of a parsed plan of Java's and the text it comes from."""
    for kind, node, is_plan in _nodes(plan):
        if (is_plan and kind not in _ALLOWED and not _shows_settings(kind, node)) or kind in _NAMED_BY_TEXT:
            raise UsageError(_EXPECTED, found=f"{kind} in: {text[:200]}", todo="let jobs change tables")
        if kind in ("UnresolvedFunction", "UnresolvedTableValuedFunction"):
            names = node.nameParts() if kind == "UnresolvedFunction" else node.name()
            if (name := str(names.last()).lower()) in _REFUSED_FUNCTIONS:
                raise UsageError(_EXPECTED, found=f"the function {name}", todo="do without it")
        if not allow_files and (file := _file(spark, kind, node)):
            raise UsageError("tables and views", found=f"the file {file}", todo="add --allow-files to read files")


def _shows_settings(kind: str, node: Any) -> bool:
    """Whether it is `SET`, `SET -v` or `SET name`, without a value."""
    return kind == "SetCommand" and (node.kv().isEmpty() or node.kv().get()._2().isEmpty())


def _nodes(plan: Any) -> Iterator[tuple[str, Any, bool]]:
    """Every node of a plan, of the plans inside it and of their expressions: class, node, whether it is a plan's."""
    pending = [(plan, True)]
    while pending:
        node, is_plan = pending.pop()
        kind = str(node.getClass().getSimpleName())
        yield kind, node, is_plan
        pending += [(child, is_plan) for child in _listed(node.children())]
        if is_plan:
            # Subqueries and what WITH names; what a few leaves hold is no child of theirs.
            pending += [(child, True) for child in _listed(node.innerChildren())]
            pending += [(expression, False) for expression in _listed(node.expressions())]
            held = {"RelationTimeTravel": "relation", "ExplainCommand": "logicalPlan", "DescribeQueryCommand": "plan"}
            if kind in held:
                pending.append((getattr(node, held[kind])(), True))


def _listed(seq: Any) -> list[Any]:
    return [seq.apply(place) for place in range(seq.size())]


def _file(spark: SparkSession, kind: str, node: Any) -> str | None:
    """The file that a relation names, if it names a data source and a path in place of a schema and a table."""
    if kind not in ("UnresolvedRelation", "UnresolvedTable", "UnresolvedTableOrView"):
        return None
    parts = [str(part) for part in _listed(node.multipartIdentifier())]
    jvm: Any = spark._jvm
    if len(parts) != 2 or spark.catalog.databaseExists(parts[0]):
        return None
    source = jvm.org.apache.spark.sql.execution.datasources.DataSource
    try:
        source.lookupDataSource(parts[0], spark._jsparkSession.sessionState().conf())
    except Exception:  # no such source: Spark says that there is no such table
        return None
    return f"{parts[0]}.`{parts[1]}`"
