import subprocess
import sys

import pytest

from brazada.cli import main


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--help"], 0, "doctor"),
        (["nonsense"], 2, "No such command"),
        (["tables", "--set", "training.rank=1"], 2, "Did you mean 'training.ranks'"),
        (["tables", "--env", "moon"], 2, "local, databricks, emr"),
        (["prices", "run", "--source", "odepa"], 2, "no path"),
        (["prices", "run", "--source", "odepa", "--steps", "fly"], 2, "fly"),
        (["swim", "run"], 2, "no path"),
        (["swim", "run", "day.csv.zst"], 2, "Unpack it"),
        (["swim", "run", "logs", "--steps", "score", "--truth", __file__], 2, "Add summary"),
        (["swim", "run", "logs", "--steps", "fly"], 2, "summary"),
        (["swim", "run", "logs", "--method", "oracle"], 2, "kinematic"),
        (["swim", "path", "drill.gif"], 2, ".svg, .png, .pdf"),
        (["swim", "summary", "--truth", "none.csv"], 2, "none.csv"),
    ],
)
def test_exit_codes_and_words(words, code, said, capsys):
    try:
        main(words)
        ended = 0
    except SystemExit as stop:
        ended = stop.code
    assert ended == code
    printed = capsys.readouterr()
    assert said in printed.out + printed.err


def test_importing_the_package_starts_neither_spark_nor_tensorflow():
    script = (
        "import sys, brazada.cli, brazada.settings; print([m for m in ('pyspark', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
