"""Every line is a position or is refused, never both and never neither; and Spark splits it once."""

import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from brazada.settings import load
from brazada.swim.parse import SAMPLE, positions, refused

from . import reference
from .conftest import START, hexed, line, log

SWIM = load(variables={}).swim


def sound(number):
    chance = random.Random(number)
    x, y = (round(chance.gauss(0, 4), 8) for _ in "xy")
    return line(40 * number, x, y, drill=number % 3, tag=number % 2)


def other(number):
    """Lines that are sound and written in another way, or are not sound."""
    line = sound(number)
    ways = [
        line.replace("ObjectId(", "").replace(")", ""),
        re.sub(r"ObjectId\((\w+)\)", r'ObjectID("\1")', line),
        re.sub(r"ObjectId\((\w{18})\w*\)", r'"ObjectID(""\1"")"', line),
        re.sub(r"ObjectId\((\w+)\)", r'ObjectID("\1)', line),
        re.sub(r"ObjectId\((\w+)\)", lambda id_: id_[0].replace(id_[1], id_[1].upper()), line),
        line.replace("b827eb", "B827EB"),
        line.replace("0.2]", "0.20000000000000001]"),
        line.replace('"[0,0,0]"', '"[1,2,3]"'),
        line.replace('"[', '"[ ', 1),
        line.replace('"[', '"[\x7f', 1),
        line.replace('"[', '"[+', 1).replace("+-", "-"),
        line.replace("0.2]", "-0.0]"),
        line.replace("0.2]", "2e-1]"),
        line.replace("0.2]", "0.2d]"),
        line[:-1],
        line + line,
        line.replace("0.2]", "nan]"),
        line.replace('"[', '"[inf,', 1),
        line.replace(",0.2", ",200"),
        line.replace("0.2]", '0.2"]'),
        line.replace("b827", "g827"),
        line.replace("ObjectId", "ObjektId"),
        line.replace(",15", ",99", 1),
        ',"[0,0,0]","[0,0,0]"',
        "\ufeff" + line,
        " ",
    ]
    return ways[number % len(ways)]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**6)), min_size=1, max_size=40))
def test_a_line_is_a_position_or_refused_as_the_rules_say(spark_session, chosen):
    texts = [(sound if well else other)(number) for well, number in chosen]
    lines = spark_session.createDataFrame(list(enumerate(texts)), "place int, value string").coalesce(1)
    found = {row["place"]: tuple(row)[1:] for row in positions(lines, SWIM).collect()}
    not_found = {row["place"] for row in refused(lines, SWIM).collect()}
    assert sorted([*found, *not_found]) == list(range(len(texts)))
    rules = {place: reference._position(text.encode()) for place, text in enumerate(texts)}
    assert found == {place: position for place, position in rules.items() if position}


GENUINE = """\
ObjectId(5e2a96a8d388780364022905),1579849384047,ObjectId(5e2a96a8d38878036402296a),a4da22e0a243,"[8.95442339,-3.5120962,0.2]","[0,0,0]","[0,0,0]"
ObjectId(5e2a96a8d388780364022906),1579849384087,ObjectId(5e2a96a8d38878036402296a),a4da22e0a243,"[8.916343615454545,-3.512871673566434,0.2]","[0,0,0]","[0,0,0]"
ObjectID("5e2a96a8d388780364"),1579849384127,ObjectID("5E2A96A8D388780364"),A4DA22E0A243,"[8.878263840909092,-3.5136471471328674,0.20000000000000001]","[0,0,0]","[0,0,0]"
"""


def test_the_forms_that_are_known_of_real_logs_are_read(spark_session):
    lines = spark_session.createDataFrame([(text,) for text in GENUINE.splitlines()], "value string")
    rows = [tuple(row) for row in positions(lines, SWIM).collect()]
    tag, drill = "a4da22e0a243", "5e2a96a8d38878036402296a"
    assert rows == [
        (tag, drill, 1579849384047, 8.95442339, -3.5120962, 0.2),
        (tag, drill, 1579849384087, 8.916343615454545, -3.512871673566434, 0.2),
        (tag, drill[:18], 1579849384127, 8.878263840909092, -3.5136471471328674, 0.2),
    ]


def test_no_zero_is_negative(spark_session):
    lines = spark_session.createDataFrame([(sound(1).replace("0.2]", "-0.0]"),)], "value string")
    (row,) = positions(lines, SWIM).select(F.col("z_m").cast("string")).collect()
    assert row["z_m"] == "0.0"


@pytest.mark.parametrize("judge", [positions, refused])
def test_spark_splits_a_line_once(spark_session, tmp_path, judge):
    """A filter would be moved to where the columns that it is about are made, and make them once more."""
    (tmp_path / "log.csv").write_bytes(log(line(), hexed(1), str(START)))
    plan = judge(spark_session.read.text(str(tmp_path / "log.csv")), SWIM)._jdf.queryExecution().executedPlan()
    filters = [node for node in re.split(r"\n", plan.toString()) if re.match(r"[^A-Za-z]*Filter", node)]
    assert not [node for node in filters if "split(" in node]
    assert set(SAMPLE) <= set(positions(spark_session.read.text(str(tmp_path)), SWIM).columns)
