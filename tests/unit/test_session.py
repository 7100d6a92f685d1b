"""What a laptop's session is started with."""

import os
import subprocess
import sys

import pytest

from brazada import session
from brazada.errors import SettingsError
from brazada.settings import load


@pytest.mark.parametrize(
    ("java", "used"),
    [("-XX:+UseSerialGC", True), ("-XX:SharedArchiveFile=own.jsa", False), ("-XX:ArchiveClassesAtExit=new.jsa", False)],
)
def test_the_archive_of_classes_is_named_where_java_is_not_told_of_another(monkeypatch, tmp_path, java, used):
    """Java ends at once where it is to use one and to make one; a second set-up makes it anew."""
    (tmp_path / "spark.jsa").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    options = {"spark.driver.extraJavaOptions": java}
    session._prepare(options, load(variables={}), verbose=True)
    told = options["spark.driver.extraJavaOptions"]
    assert told.startswith(java)
    assert (str(tmp_path / "spark.jsa") in told) == used


@pytest.mark.parametrize("variable", ["SPARK_ENV_LOADED", "PYSPARK_GATEWAY_PORT"])
def test_emr_is_where_spark_submit_began_the_process_on_this_machine_or_in_a_container(monkeypatch, variable):
    for name in ("SPARK_ENV_LOADED", "PYSPARK_GATEWAY_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match="spark-submit did not start this process"):
        session._check_place(load("emr", variables={}))
    monkeypatch.setenv(variable, "1")
    session._check_place(load("emr", variables={}))


def test_a_call_that_is_broken_off_prints_no_traceback_but_the_job_still_speaks():
    script = (
        "import logging, sys; from brazada.session import hush_py4j; hush_py4j()\n"
        "logging.exception('KeyboardInterrupt while sending command.')\n"
        "logging.getLogger('py4j.clientserver').error('broken off')\n"
        "log = logging.getLogger('brazada'); log.addHandler(logging.StreamHandler(sys.stdout)); log.error('resume so')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("resume so\n", "")
