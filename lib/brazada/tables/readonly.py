"""Which statements of SQL only read: told by Spark's parsed plan, by a list of what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
_RELATIONS = frozenset({"UnresolvedRelation", "UnresolvedTable", "UnresolvedTableOrView", "UnresolvedView"})
_EXPECTED = "a statement that only reads (SELECT, WITH, VALUES, SHOW, DESCRIBE, EXPLAIN)"


@dataclass(frozen=True)
class Named:
    """What a statement names, in small letters: relations as schema.table, and schemas to list what is in them.

    A statement such as SHOW SCHEMAS is about `everything`.
    """

    relations: frozenset[str]
    schemas: frozenset[str]
    everything: bool

    def needs(self, name: str) -> bool:
        """Whether the table or view of a name is needed to answer the statement."""
        return name in self.relations or name.partition(".")[0] in self.schemas


def refuse_changes(spark: SparkSession, text: str, *, allow_files: bool = False) -> Named:
    """Raise UsageError for a statement that does more than read tables and views, however it is nested or commented.

    A relation that is a file, as text.`/a/file`, is refused too unless `allow_files`. Returns what the statement names.
    Raises Spark's ParseException for what is no SQL.
    """
    plan = spark._jsparkSession.sessionState().sqlParser().parsePlan(text)
    return refuse_plan(spark, plan, text, allow_files=allow_files)


def refuse_plan(spark: SparkSession, plan: Any, text: str, *, allow_files: bool = False) -> Named:
    """What a parsed plan of Java's names, or UsageError as `refuse_changes` raises it; `text` is what it comes from."""
    relations: set[str] = set()
    schemas: set[str] = set()
    for kind, node, is_plan in _nodes(plan):
        if (is_plan and kind not in _ALLOWED and not _shows_settings(kind, node)) or kind in _NAMED_BY_TEXT:
            raise UsageError(_EXPECTED, found=f"{kind} in: {text[:200]}", todo="let jobs change tables")
        if kind in ("UnresolvedFunction", "UnresolvedTableValuedFunction"):
            names = node.nameParts() if kind == "UnresolvedFunction" else node.name()
            if (name := str(names.last()).lower()) in _REFUSED_FUNCTIONS:
                raise UsageError(_EXPECTED, found=f"the function {name}", todo="do without it")
        if not allow_files and (file := _file(spark, kind, node)):
            raise UsageError("tables and views", found=f"the file {file}", todo="add --allow-files to read files")
        if kind in _RELATIONS:
            relations.add(".".join(_parts(node)[-2:]).lower())
        elif kind == "UnresolvedNamespace":
            schemas.add(".".join(_parts(node)[-1:]).lower())
    return Named(frozenset(relations), frozenset(schemas - {""}), "" in schemas)


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


def _parts(node: Any) -> list[str]:
    """The parts of the name that a node holds."""
    return [str(part) for part in _listed(node.multipartIdentifier())]


def _file(spark: SparkSession, kind: str, node: Any) -> str | None:
    """The file that a relation names, if it names a data source and a path in place of a schema and a table."""
    if kind not in _RELATIONS:
        return None
    parts = _parts(node)
    jvm: Any = spark._jvm
    if len(parts) != 2 or spark.catalog.databaseExists(parts[0]):
        return None
    source = jvm.org.apache.spark.sql.execution.datasources.DataSource
    try:
        source.lookupDataSource(parts[0], spark._jsparkSession.sessionState().conf())
    except Exception:  # no such source: Spark says that there is no such table
        return None
    return f"{parts[0]}.`{parts[1]}`"
