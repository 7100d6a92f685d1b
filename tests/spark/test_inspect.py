"""`brazada tables` and `brazada sql` over a real warehouse, in the session of the tests."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from pyspark.sql import types as T

from brazada import domains, session
from brazada.cli import main
from brazada.cli.shell import Shell
from brazada.errors import UsageError
from brazada.tables import Table, View, column
from brazada.tables.readonly import refuse_changes

BOATS = Table(
    name="sea.boats",
    comment="One row per boat.",
    columns=T.StructType(
        [
            column("name", T.StringType(), "Painted on the bow"),
            column("length_m", T.DoubleType(), "Length over all"),
            column("crew", T.ArrayType(T.StringType()), "Who sails", required=False),
        ]
    ),
    key=("name",),
    constraints={"floats": "length_m > 0"},
)


@pytest.fixture
def warehouse(job, monkeypatch):
    monkeypatch.setattr(session, "start", lambda *_: job.spark)
    rows = [('Zoë, "the" fast', 9.5, ["Ana", "Bo"]), ("Tern", 4.0, None)]
    job.store.append_once(BOATS, job.spark.createDataFrame(rows, BOATS.columns), "fleet")
    job.store.append_once(BOATS, job.spark.createDataFrame([("Gull", 3.0, None)], BOATS.columns), "later")
    return job.settings.warehouse.path


def run(capsys, *words):
    main([*words])
    return capsys.readouterr().out


def test_tables_lists_rows_and_version(warehouse, capsys, job):
    row = next(line for line in run(capsys, "tables", "--warehouse", warehouse).splitlines() if "sea.boats" in line)
    assert [cell.strip() for cell in row.split("│")[2:4]] == ["3", str(job.store.version("sea.boats"))]


def test_a_table_shows_its_declaration_and_history(warehouse, capsys):
    said = run(capsys, "tables", "sea.boats", "--warehouse", warehouse)
    for part in ("Painted on the bow", "length_m > 0", "array<string>", "CREATE TABLE", "WRITE"):
        assert part in said


def test_ddl_attaches_the_tables_elsewhere(warehouse, capsys, job):
    said = run(capsys, "tables", "--ddl", "--warehouse", warehouse)
    job.spark.sql("DROP SCHEMA IF EXISTS sea CASCADE")
    for statement in filter(str.strip, said.split(";")):
        job.spark.sql(statement)
    assert job.store.read("sea.boats").frame.count() == 3


def test_sql_csv_and_json_keep_values_whole(warehouse, capsys):
    query = "SELECT * FROM sea.boats ORDER BY length_m DESC"
    rows = list(csv.DictReader(io.StringIO(run(capsys, "sql", query, "--format", "csv", "--warehouse", warehouse))))
    assert [row["name"] for row in rows] == ['Zoë, "the" fast', "Tern", "Gull"]
    assert json.loads(rows[0]["crew"]) == ["Ana", "Bo"]
    assert rows[1]["crew"] == ""
    rows = json.loads(run(capsys, "sql", query, "--format", "json", "--warehouse", warehouse))
    assert rows[0] == {"name": 'Zoë, "the" fast', "length_m": 9.5, "crew": ["Ana", "Bo"]}


def test_csv_tells_null_from_empty_and_ends_lines_plainly(warehouse, capfdbinary):
    query = """SELECT NULL AS a, '' AS b, 'x, "y"' AS c, 0.1D + 0.2D AS d, INTERVAL '1-2' YEAR TO MONTH AS e,
        1234567.25D AS f"""
    main(["sql", query, "--format", "csv", "--warehouse", warehouse])
    assert capfdbinary.readouterr().out == (
        b"a,b,c,d,e,f\n" + b',"","x, ""y""",0.3,INTERVAL \'1-2\' YEAR TO MONTH,1234567.25\n'
    )


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("SELECT * FROM sea.boat", 1, "Did you mean sea.boats?"),
        ("SELECT * FROM sea.boats JOIN boats", 1, "Did you mean sea.boats?"),
        ("SELECT * FROM swim.leaderboard", 1, "next: brazada swim"),
    ],
)
def test_a_mistyped_name_is_told_the_nearest(warehouse, capsys, monkeypatch, query, code, said):
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/brazada")
    with pytest.raises(SystemExit) as stop:
        main(["sql", query, "--warehouse", warehouse])
    assert stop.value.code == code
    assert said in capsys.readouterr().err


def test_only_what_a_statement_names_is_attached(warehouse, capsys, job):
    job.store.ensure(replace(BOATS, name="sea.rocks"))
    query = "SELECT 'show tables in sea' AS text, name FROM `SEA`.boats -- sea.rocks"
    run(capsys, "sql", query, "--warehouse", warehouse)
    assert [row["tableName"] for row in job.spark.sql("SHOW TABLES IN sea").collect()] == ["boats"]
    for query, found in (
        ("SHOW TABLES IN sea", "rocks"),
        ("SHOW SCHEMAS", "sea"),
        ("DESCRIBE HISTORY sea.boats", "WRITE"),
    ):
        assert found in run(capsys, "sql", query, "--warehouse", warehouse)


def test_statements_of_a_file_run_in_turn(warehouse, capsys, tmp_path):
    (tmp_path / "some.sql").write_text("-- how many\nSELECT count(*) AS boats FROM sea.boats;\nSELECT ';' AS text;\n")
    said = run(capsys, "sql", "--file", str(tmp_path / "some.sql"), "--format", "csv", "--warehouse", warehouse)
    assert said == "boats\n3\ntext\n;\n"


def test_rows_stand_one_below_the_other_where_columns_do_not_fit(warehouse, capsys):
    query = "SELECT name, repeat('~', 150) AS wake, length_m FROM sea.boats ORDER BY name"
    narrow = run(capsys, "sql", query.replace("150", "15"), "--warehouse", warehouse)
    assert "│ Gull" in narrow
    said = run(capsys, "sql", query.replace("150", "300"), "--warehouse", warehouse)
    assert "row 1 ─" in said
    assert "~" * 300 in said
    assert "length_m  9.5" in said


def test_a_shipped_view_has_its_units_in_the_headers(warehouse, capsys, monkeypatch):
    units = {"price": "{currency}/{berth}", "length_m": "m"}
    query = "SELECT *, 'kalimati' AS source, length_m > 3.5 AS berth, 10D AS price FROM sea.boats"
    view = View("sea.berths", "Prices of berths.", ("sea.boats",), query, units)
    monkeypatch.setattr(domains, "views", lambda: (view,))
    query = "SELECT * FROM sea.berths"
    assert "price ┃" in run(capsys, "sql", query, "--warehouse", warehouse)  # not all in one unit
    said = run(capsys, "sql", f"{query} WHERE berth", "--warehouse", warehouse)
    assert "price (NPR/True) ┃" in said
    assert "length_m (m) ┃" in said


def test_the_shell_goes_on_after_errors_and_keeps_its_history(warehouse, capsys, job, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    typed = (
        "SELECT count(*) AS boats\rFROM sea.boats;\r",
        "SELECT nope FROM sea.boats;\r",
        "DELETE FROM sea.boats;\r",
        "SELECT * FROM sea.boat;\r",
        "\\x\rSELECT 'Tern' AS name;\r\\d\r\\d sea.boats\r\\?\r",
        "\\q\r",
    )
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("".join(typed))
        Shell(job.settings, False, None, False).run()
    printed = capsys.readouterr()
    for part in ("boats", "name  Tern", "sea.boats", "length_m", "Ctrl-D"):
        assert part in printed.out
    for part in ("`nope`", "expected a statement that only reads", "Did you mean sea.boats?", "1 row in"):
        assert part in printed.err
    assert "FROM sea.boats;" in (tmp_path / "brazada/sql_history").read_text()
    assert job.store.read("sea.boats").frame.count() == 3


def test_sql_travels_in_time(warehouse, capsys, job):
    before = job.store.version("sea.boats") - 1
    query = f"SELECT count(*) AS boats FROM sea.boats VERSION AS OF {before}"
    assert json.loads(run(capsys, "sql", query, "--format", "json", "--warehouse", warehouse)) == [{"boats": 2}]


def test_no_rows_is_an_empty_list(warehouse, capsys):
    assert (
        json.loads(
            run(capsys, "sql", "SELECT * FROM sea.boats WHERE false", "--format", "json", "--warehouse", warehouse)
        )
        == []
    )


def test_wrong_sql_says_so_and_fails(warehouse, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["sql", "SELECT nope FROM sea.boats", "--warehouse", warehouse])
    assert stop.value.code == 1
    assert "nope" in capsys.readouterr().err


def test_a_data_file_with_a_flipped_bit_is_named_and_not_read(warehouse, capsys, job):
    snapshot = job.store.read(BOATS.name)
    (uri,) = snapshot.files(snapshot.frame.where("name = 'Gull'"))
    file = Path(uri.removeprefix("file:"))
    content = bytearray(file.read_bytes())
    content[content.index(b"\x28\xb5\x2f\xfd") + 6] ^= 1  # one bit in the first page, which begins as zstd does
    file.write_bytes(content)
    file.with_name(f".{file.name}.crc").unlink(missing_ok=True)
    with pytest.raises(SystemExit) as stop:
        main(["sql", "SELECT max(name) FROM sea.boats", "--warehouse", warehouse])
    assert stop.value.code == 1
    assert f"sea/boats/{file.name}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM sea.boats",
        "DROP TABLE sea.boats",
        "/* select */ UPDATE sea.boats SET length_m = 1",
        "/* a /* nested */ comment */ DELETE FROM sea.boats",
        "WITH big AS (SELECT * FROM sea.boats) INSERT INTO sea.boats SELECT * FROM big",
        "WITH x AS (SELECT 1) DELETE FROM sea.boats",
        "WITH x AS (SELECT 1) UPDATE sea.boats SET length_m = 1",
        "WITH x AS (SELECT 1 AS a) MERGE INTO sea.boats USING x ON boats.name = x.a WHEN MATCHED THEN DELETE",
        "FROM sea.boats INSERT INTO sea.boats SELECT *",
        "INSERT OVERWRITE DIRECTORY 'there' USING csv SELECT 1",
        "OPTIMIZE sea.boats",
        "VACUUM sea.boats",
        "SET spark.sql.shuffle.partitions = 1",
        "CACHE TABLE x AS SELECT 1",
        "ADD JAR 'there.jar'",
        "SELECT TRANSFORM (name) USING 'cat' FROM sea.boats",
        "SELECT java_method('java.lang.System', 'exit', 0)",
        "SELECT * FROM sea.boats WHERE name IN (SELECT reflect('java.lang.System', 'getProperty', 'user.name'))",
        "EXPLAIN SELECT try_reflect('java.lang.System', 'exit', 0)",
        "SELECT call_function('reflect', 'java.lang.System', 'exit', 0)",
        "SELECT * FROM IDENTIFIER('sea.boats')",
    ],
)
def test_what_does_more_than_read_is_refused(spark, change):
    with pytest.raises(UsageError, match="expected a statement that only reads"):
        refuse_changes(spark, change)


def test_sql_changes_nothing(warehouse, capsys, job):
    before = job.store.version("sea.boats")
    with pytest.raises(SystemExit) as stop:
        main(["sql", "WITH x AS (SELECT 1) DELETE FROM sea.boats", "--warehouse", warehouse])
    assert stop.value.code == 2
    assert "found DeleteFromTable" in capsys.readouterr().err
    assert job.store.version("sea.boats") == before
    assert job.store.read("sea.boats").frame.count() == 3


READ = (
    "TABLE sea.boats",
    "FROM sea.boats SELECT name",
    "WITH x AS (SELECT * FROM sea.boats) SELECT name, count(*) FROM x GROUP BY ROLLUP (name) HAVING count(*) > 0",
    "SELECT /*+ BROADCAST(b) */ * FROM sea.boats b LEFT JOIN (VALUES ('Tern')) AS t (n) ON name = n LIMIT 2",
    "SELECT name, sum(length_m) OVER w FROM sea.boats WINDOW w AS (PARTITION BY name)",
    "SELECT name FROM sea.boats UNION ALL SELECT name FROM sea.boats EXCEPT SELECT 'Tern' INTERSECT SELECT 'Gull'",
    "SELECT name, sailor FROM sea.boats LATERAL VIEW explode(crew) AS sailor WHERE EXISTS (SELECT 1)",
    "SELECT * FROM sea.boats PIVOT (max(length_m) FOR name IN ('Tern', 'Gull'))",
    "SELECT transform(crew, one -> upper(one)) FROM sea.boats TABLESAMPLE (50 PERCENT)",
    "SELECT * FROM range(3) AS r (n)",
    "SELECT * FROM sea.boats VERSION AS OF 1",
    "SHOW TABLES IN sea",
    "DESCRIBE sea.boats",
    "DESCRIBE HISTORY sea.boats",
    "EXPLAIN SELECT * FROM sea.boats",
)


@pytest.mark.usefixtures("warehouse")
def test_all_that_only_reads_is_read(job):
    job.store.attach(())
    for query in READ:
        refuse_changes(job.spark, query)
        job.spark.sql(query).collect()


def test_files_are_read_only_if_asked(warehouse, capsys, tmp_path):
    (tmp_path / "secret").write_text("of the house\n")
    query = f"SELECT * FROM text.`{tmp_path / 'secret'}`"
    for text in (query, f"WITH x AS ({query}) SELECT * FROM x", f"SELECT (SELECT max(value) FROM ({query}))"):
        with pytest.raises(SystemExit) as stop:
            main(["sql", text, "--warehouse", warehouse])
        assert stop.value.code == 2
        assert "--allow-files" in capsys.readouterr().err
    assert "of the house" in run(capsys, "sql", query, "--allow-files", "--warehouse", warehouse)


def test_no_value_is_rounded_lost_or_taken_for_markup(warehouse, capsys):
    query = """SELECT 123456789.125D AS big, double('nan') AS nan, map(date'2024-01-02', 1) AS days, '[/] [b]' AS text,
        unhex('0aff') AS bytes, named_struct('a', array(1, null)) AS nested"""
    (row,) = csv.DictReader(io.StringIO(run(capsys, "sql", query, "--format", "csv", "--warehouse", warehouse)))
    assert row["big"] == "123456789.125"
    (row,) = json.loads(run(capsys, "sql", query, "--format", "json", "--warehouse", warehouse))
    assert row == {
        "big": 123456789.125,
        "nan": None,
        "days": {"2024-01-02": 1},
        "text": "[/] [b]",
        "bytes": "0aff",
        "nested": {"a": [1, None]},
    }
    assert "[/] [b]" in run(capsys, "sql", query, "--warehouse", warehouse)


def test_two_columns_of_one_name_are_refused_for_json(warehouse, capsys):
    with pytest.raises(SystemExit):
        main(["sql", "SELECT 1 AS a, 2 AS a", "--format", "json", "--warehouse", warehouse])
    assert "found a, a" in capsys.readouterr().err


def test_a_summary_of_nothing_names_what_is_missing(warehouse, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["prices", "summary", "--warehouse", warehouse])
    assert stop.value.code == 1
    assert "expected table or view ops.ingested_files" in capsys.readouterr().err


def test_lists_are_json_for_programs(warehouse, capsys):
    (line,) = run(capsys, "tables", "--json", "--warehouse", warehouse).splitlines()
    (row,) = json.loads(line)["rows"]
    assert (row["table"], row["rows"]) == ("sea.boats", 3)
    assert json.loads(run(capsys, "sql", "SELECT 1 AS a", "--json", "--warehouse", warehouse)) == [{"a": 1}]
