"""Requests to EMR and EMR Serverless, out of the templates in conf/deploy/emr: sent, or checked without AWS.

    python conf/deploy/emr.py upload brazada-env.tar.gz --set bucket=my-bucket
    python conf/deploy/emr.py send cluster --set bucket=my-bucket --set subnet=subnet-0a1b2c3d
    python conf/deploy/emr.py send steps-swim --set bucket=my-bucket --set cluster=j-2AXXXXXXGAPLF

A template names a service of botocore, its operation and the request, in which `${name}` stands for a variable of
conf/deploy/emr/variables.yaml. `check` and `replay` are what `make deploy-check` calls.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import commands
import yaml
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "conf" / "deploy" / "emr"
ALLOWED = yaml.safe_load((ROOT / "conf" / "deploy" / "allowed.yaml").read_text(encoding="utf-8"))["emr"]
SUBMIT = "command-runner.jar spark-submit --deploy-mode cluster"
ENVIRONMENT = "./environment/"  # where the archive is unpacked
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def variables(folder: Path = FOLDER) -> dict[str, dict[str, str]]:
    """The variables of the templates: a default or an example, and a description."""
    return yaml.safe_load((folder / "variables.yaml").read_text(encoding="utf-8"))


def filled(template: Path, values: Mapping[str, str]) -> dict[str, Any]:
    """The template with its variables replaced. Raises KeyError for one without a value, ValueError for no JSON."""
    text = template.read_text(encoding="utf-8")
    return json.loads(_VARIABLE.sub(lambda match: json.dumps(values[match.group(1)])[1:-1], text))


def faults(folder: Path = FOLDER) -> list[str]:
    """What is wrong with the templates of a folder; each fault names the file and the place."""
    known = variables(folder)
    values = {name: one.get("default") or one["example"] for name, one in known.items()}
    found, used = [], set()
    for path in sorted(folder.glob("*.json")):
        used |= set(_VARIABLE.findall(path.read_text(encoding="utf-8")))
        try:
            found += [f"{path.name}: {fault}" for fault in _faults(filled(path, values))]
        except KeyError as error:
            found.append(f"{path.name}: expected a variable out of {', '.join(known)}; found {error.args[0]}")
        except ValueError as error:
            found.append(f"{path.name}: expected JSON; found {error}")
    return found + [f"variables.yaml: {name}: expected a use; found none" for name in known if name not in used]


def _faults(template: Mapping[str, Any]) -> Iterator[str]:
    if set(template) != {"Service", "Operation", "Request"}:
        yield f"expected Service, Operation and Request; found {', '.join(template)}"
        return
    if template["Service"] not in ("emr", "emr-serverless"):
        yield f"expected the service emr or emr-serverless; found {template['Service']}"
        return
    service = _service(template["Service"])
    if template["Operation"] not in service.operation_names:
        yield f"expected an operation of {template['Service']}; found {template['Operation']}"
        return
    operation, request = service.operation_model(template["Operation"]), template["Request"]
    yield from _model_faults(operation, request)
    release = request.get("ReleaseLabel") or request.get("releaseLabel")
    if release and release not in ALLOWED["releases"]:
        yield f"expected a release out of conf/deploy/allowed.yaml; found {release}"
    own = {"RunJobFlow": _cluster_faults, "AddJobFlowSteps": _step_faults, "StartJobRun": _job_run_faults}
    yield from own.get(operation.name, lambda _: ())(request)


@cache
def _service(name: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(name)


def _model_faults(operation: OperationModel, request: Mapping[str, Any]) -> Iterator[str]:
    """What the service's own model refuses: keys, types, what is required and how long it is; values and patterns."""
    # The client makes up a token that is missing.
    tokens = {name: str(uuid.uuid4()) for name in operation.idempotent_members}
    report = ParamValidator().validate({**tokens, **request}, operation.input_shape).generate_report()
    yield from filter(None, report.split("\n"))
    if not report:
        yield from _value_faults(operation.input_shape, request, "Request")


def _value_faults(shape: Shape, value: Any, at: str) -> Iterator[str]:
    """Values that are none of the model's, or do not match its pattern: botocore leaves these to the service."""
    if isinstance(shape, StructureShape):
        for key, part in value.items():
            yield from _value_faults(shape.members[key], part, f"{at}.{key}")
    elif isinstance(shape, ListShape):
        for place, part in enumerate(value):
            yield from _value_faults(shape.member, part, f"{at}[{place}]")
    elif isinstance(shape, MapShape):
        for key, part in value.items():
            yield from _value_faults(shape.value, part, f"{at}.{key}")
    elif isinstance(value, str):
        if (allowed := getattr(shape, "enum", None)) and value not in allowed:
            yield f"{at}: expected one of {', '.join(allowed)}; found {value}"
        pattern = shape.metadata.get("pattern")
        # Some patterns pair surrogates, as Java writes signs beyond 16 bits; Python has one sign there.
        if pattern and r"\uD800" not in pattern and not re.fullmatch(pattern, value):
            yield f"{at}: expected what matches {pattern}; found {value}"


def _cluster_faults(request: Mapping[str, Any]) -> Iterator[str]:
    groups = request["Instances"].get("InstanceGroups", [])
    for kind in sorted({group["InstanceType"] for group in groups} - set(ALLOWED["instance_types"])):
        yield f"expected an instance type out of conf/deploy/allowed.yaml; found {kind}"
    said = {one["Classification"]: one["Properties"] for one in request.get("Configurations", [])}
    if said.get("delta-defaults", {}).get("delta.enabled") != "true":
        yield "expected delta.enabled: true in delta-defaults; found none: Delta's JARs would be missing"
    if "hive.metastore.client.factory.class" not in said.get("spark-hive-site", {}):
        yield "expected Glue's metastore in spark-hive-site; found none: tables by name would be gone with the cluster"
    yield from _spark_faults(said.get("spark-defaults", {}), ["spark.pyspark.python"])


def _step_faults(request: Mapping[str, Any]) -> Iterator[str]:
    for step in request["Steps"]:
        words, action = step["HadoopJarStep"].get("Args", []), step.get("ActionOnFailure")
        said = " ".join([step["HadoopJarStep"]["Jar"], *words[:3]])
        if said != SUBMIT:
            yield f"step {step['Name']}: expected {SUBMIT}; found {said}"
            continue
        if action != "CANCEL_AND_WAIT":
            yield f"step {step['Name']}: expected CANCEL_AND_WAIT, so that the next ones do not run; found {action}"
        yield from (f"step {step['Name']}: {fault}" for fault in _job_faults(*words[3:4], words=words[4:]))


def _job_run_faults(request: Mapping[str, Any]) -> Iterator[str]:
    submit = request["jobDriver"]["sparkSubmit"]
    yield from _job_faults(submit["entryPoint"], words=submit.get("entryPointArguments", []))
    words = shlex.split(submit.get("sparkSubmitParameters", ""))
    if words[::2] != ["--conf"] * (len(words) // 2) or len(words) % 2:
        yield f"expected pairs of --conf key=value; found {' '.join(words)}"
        return
    conf = dict(word.partition("=")[::2] for word in words[1::2])
    driver = "spark.emr-serverless.driverEnv"
    yield from _spark_faults(
        conf, [f"{driver}.PYSPARK_DRIVER_PYTHON", f"{driver}.PYSPARK_PYTHON", "spark.executorEnv.PYSPARK_PYTHON"]
    )
    for key in ("spark.jars", "spark.hadoop.hive.metastore.client.factory.class"):
        if key not in conf:
            yield f"expected {key}; found none: EMR Serverless takes Delta and Glue only by it"


def _spark_faults(conf: Mapping[str, str], pythons: list[str]) -> Iterator[str]:
    """Whether the packed environment is unpacked, its Python is the one that runs, and tables by name persist."""
    if not conf.get("spark.archives", "").endswith(f"#{Path(ENVIRONMENT).name}"):
        yield f"expected spark.archives=ARCHIVE#{Path(ENVIRONMENT).name}; found {conf.get('spark.archives')}"
    for key in pythons:
        if conf.get(key) != f"{ENVIRONMENT}bin/python":
            yield f"expected {key}={ENVIRONMENT}bin/python, which the archive has; found {conf.get(key)}"
    if conf.get("spark.sql.catalogImplementation") != "hive":
        yield f"expected spark.sql.catalogImplementation=hive; found {conf.get('spark.sql.catalogImplementation')}"
    for key in (key for key in conf if not key.startswith("spark.")):
        yield f"expected keys of Spark; found {key}"


def _job_faults(script: str = "", *, words: list[str]) -> Iterator[str]:
    """Faults of a job file and the arguments it is given."""
    if not script.startswith("s3://") or Path(script).name != "command.py":
        yield f"expected the job file s3://.../command.py; found {script or 'none'}"
        return
    if " ".join(words).count("--env emr") != 1:
        yield f"expected --env emr once; found {' '.join(words)}"
    yield from commands.faults(words, {})


def replay(folder: Path = FOLDER) -> list[str]:
    """Send every template to AWS as moto plays it; what it refuses."""
    import os

    from moto import mock_aws

    values = {name: one.get("default") or one["example"] for name, one in variables(folder).items()}
    os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    found = []
    with mock_aws():
        # What makes a cluster or an application comes first: the others name its id.
        for path in sorted(folder.glob("*.json"), key=lambda path: path.stem not in ("cluster", "application")):
            try:
                answer = send(path, values)
            except Exception as error:
                found.append(f"{path.name}: {type(error).__name__}: {error}")
                continue
            values |= {"cluster": answer.get("JobFlowId", values["cluster"])}
            values |= {"application": answer.get("applicationId", values["application"])}
    return found


def send(template: Path, values: Mapping[str, str]) -> dict[str, Any]:
    """Send a template; the answer, without what is of its transport."""
    import boto3

    request = filled(template, values)
    client = boto3.client(request["Service"], region_name=values["region"])
    answer = getattr(client, xform_name(request["Operation"]))(**request["Request"])
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def upload(archive: Path, values: Mapping[str, str]) -> Iterator[str]:
    """Put the packed environment and the job file where the templates have them; yields their URLs."""
    import boto3

    client = boto3.client("s3", region_name=values["region"])
    for file, name in ((archive, "brazada-env.tar.gz"), (ROOT / "jobs" / "command.py", "command.py")):
        client.upload_file(str(file), values["bucket"], f"brazada/{name}")
        yield f"s3://{values['bucket']}/brazada/{name}"


def main() -> None:
    """Upload what jobs take along, or send the request of a template."""
    known = variables()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["upload", "send"])
    parser.add_argument(
        "what", help=f"an archive; or one of {', '.join(sorted(p.stem for p in FOLDER.glob('*.json')))}"
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=f"of {', '.join(known)}")
    chosen = parser.parse_args()
    values = {name: one["default"] for name, one in known.items() if "default" in one}
    values |= dict(pair.partition("=")[::2] for pair in chosen.set)
    try:
        if chosen.action == "upload":
            print("\n".join(upload(Path(chosen.what), values)))
        else:
            print(json.dumps(send(FOLDER / f"{chosen.what}.json", values), indent=2, default=str))
    except KeyError as error:
        name = error.args[0]
        said = known.get(name, {}).get("description", "unknown")
        sys.exit(f"expected a value of {name} ({said}); found none. Give it with --set {name}=...")


if __name__ == "__main__":
    main()
