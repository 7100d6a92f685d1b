"""Is `databricks.yml` a bundle that Databricks would take and that runs? Told without a workspace.

`databricks-bundles` refuses keys and values that a job does not have; the rest is checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import commands
import yaml
from databricks.bundles.jobs import Job

ALLOWED = yaml.safe_load(Path(__file__).with_name("allowed.yaml").read_text(encoding="utf-8"))["databricks"]
KEYS = {
    "": {"bundle", "include", "artifacts", "variables", "targets", "resources", "sync", "workspace", "permissions"},
    "variables": {"description", "default", "type", "lookup"},
    "artifacts": {"type", "path", "build", "files", "dynamic_version"},
    "targets": {"mode", "default", "variables", "workspace", "presets", "run_as", "permissions", "resources"},
}
SCRIPTS = distribution("brazada").entry_points.select(group="console_scripts").names
DEDICATED = {"SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED"}
_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_QUARTZ = re.compile(r"[\d*/,-]+ [\d*/,-]+ [\d*/,-]+ [\dLW?*/,-]+ [\dA-Z*/,-]+ [\dA-Z?*#L/,-]+( [\d*/,-]+)?")


def faults(root: Path) -> list[str]:
    """What is wrong with the bundle in a folder; each fault names the file, target, job and task."""
    try:
        return list(_Bundle(root).faults())
    except yaml.YAMLError as error:
        return [f"expected YAML; found {error}"]


class _Bundle:
    """The bundle of a folder, its files read and put together."""

    def __init__(self, root: Path) -> None:
        self.root, self.tree = root, _read(root / "databricks.yml")
        self.jobs: dict[str, tuple[Path, Any]] = {}
        self.early: list[str] = []
        files = [root / "databricks.yml"]
        for pattern in self.tree.get("include", []):
            found = sorted(root.glob(pattern))
            if not found:
                self.early.append(f"databricks.yml: include: expected files; found none at {pattern}")
            files += found
        for file in files:
            content = self.tree if file.name == "databricks.yml" else _read(file)
            for name, job in (content.get("resources") or {}).get("jobs", {}).items():
                if name in self.jobs:
                    self.early.append(
                        f"{file.name}: job {name}: expected it once; found it in {self.jobs[name][0].name} too"
                    )
                self.jobs[name] = file, job

    def faults(self) -> Iterator[str]:
        """What is wrong with it."""
        yield from self.early
        for section, known in KEYS.items():
            for name, part in {"": self.tree}.items() if not section else (self.tree.get(section) or {}).items():
                for key in set(part or {}) - known:
                    yield f"databricks.yml: {section} {name}: expected one of {', '.join(sorted(known))}; found {key}"
        if not self.jobs:
            yield "databricks.yml: expected jobs; found none"
        variables, targets = self.tree.get("variables") or {}, self.tree.get("targets") or {}
        if not any((target or {}).get("default") for target in targets.values()):
            yield "databricks.yml: expected a default target; found none"
        used = {name.removeprefix("var.") for name in _REFERENCE.findall(str([self.tree, self.jobs]))}
        for name in sorted(set(variables) - used):
            yield f"databricks.yml: variable {name}: expected a use; found none"
        yield from self._sync_faults()
        for name, target in targets.items():
            yield from self._target_faults(name, (target or {}).get("variables") or {}, variables)

    def _sync_faults(self) -> Iterator[str]:
        """Files of the workspace that a cluster reads must be sent there, those too that git ignores."""
        sent = [str((self.root / path).resolve()) for path in (self.tree.get("sync") or {}).get("include", [])]
        for file, job in self.jobs.values():
            libraries = [library for task in job.get("tasks", []) for library in task.get("libraries", [])]
            for path in sorted({library["requirements"] for library in libraries if "requirements" in library}):
                if str((file.parent / path).resolve()) not in sent:
                    yield f"databricks.yml: sync: expected {path} of {file.name} in include; found none"

    def _target_faults(self, target: str, own: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
        for name in sorted(set(own) - set(variables)):
            yield f"databricks.yml: target {target}: expected a variable out of {', '.join(variables)}; found {name}"
        values = {**{name: variable.get("default") for name, variable in variables.items()}, **own}
        known = {"bundle.name": self.tree["bundle"]["name"], "bundle.target": target}
        known |= {f"var.{name}": value for name, value in values.items() if value is not None}
        for name, (file, job) in self.jobs.items():
            yield from (f"{file.name}: target {target}: job {name}: {fault}" for fault in _job_faults(file, job, known))


def _job_faults(file: Path, raw: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    """Faults of one job, its variables replaced by their values."""
    try:
        job = _filled(raw, known)
        Job.from_dict(job)
    except KeyError as error:
        yield f"expected a variable that has a value; found {error.args[0]}"
        return
    except (TypeError, ValueError) as error:
        yield f"{error}"
        return
    if job.get("max_concurrent_runs") != 1:
        yield f"expected max_concurrent_runs: 1, for tables have one writer; found {job.get('max_concurrent_runs')}"
    if schedule := job.get("schedule"):
        if not _QUARTZ.fullmatch(schedule.get("quartz_cron_expression", "")):
            yield f"expected a Quartz expression of 6 or 7 fields; found {schedule.get('quartz_cron_expression')}"
        if schedule.get("timezone_id") not in available_timezones():
            yield f"expected a time zone; found {schedule.get('timezone_id')}"
    clusters = {one["job_cluster_key"]: one.get("new_cluster") or {} for one in job.get("job_clusters", [])}
    for key, cluster in clusters.items():
        yield from (f"cluster {key}: {fault}" for fault in _cluster_faults(cluster))
    yield from _graph_faults(job.get("tasks", []))
    for task in job.get("tasks", []):
        yield from (f"task {task['task_key']}: {fault}" for fault in _task_faults(file, task, clusters))
    for key in sorted(set(clusters) - {task.get("job_cluster_key") for task in job.get("tasks", [])}):
        yield f"cluster {key}: expected a task that runs on it; found none"


def _cluster_faults(cluster: Mapping[str, Any]) -> Iterator[str]:
    for key, kind in (("spark_version", "runtimes"), ("node_type_id", "node_types")):
        if cluster.get(key) not in ALLOWED[kind]:
            yield f"expected {key} out of conf/deploy/allowed.yaml; found {cluster.get(key)}"
    if cluster.get("data_security_mode") not in DEDICATED:
        found = cluster.get("data_security_mode")
        yield f"expected dedicated access mode ({' or '.join(sorted(DEDICATED))}); found {found}"
    runs = (cluster.get("spark_env_vars") or {}).get("BRAZADA__TRAINING__RUNS_PATH", "")
    if not runs.startswith("/Volumes/"):
        yield f"expected BRAZADA__TRAINING__RUNS_PATH on a Volume, which outlives the cluster; found {runs or 'none'}"


def _graph_faults(tasks: list[Mapping[str, Any]]) -> Iterator[str]:
    keys = [task["task_key"] for task in tasks]
    if not keys:
        yield "expected tasks; found none"
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"task {key}: expected it once; found it {keys.count(key)} times"
    graph = {task["task_key"]: {one["task_key"] for one in task.get("depends_on", [])} for task in tasks}
    for key, needed in graph.items():
        for other in sorted(needed - set(keys)):
            yield f"task {key}: expected depends_on out of {', '.join(keys)}; found {other}"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"expected tasks in an order; found the circle {' -> '.join(reversed(error.args[1]))}"


def _task_faults(file: Path, task: Mapping[str, Any], clusters: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    key = task.get("job_cluster_key")
    if key not in clusters:
        yield f"expected job_cluster_key out of {', '.join(clusters)}; found {key}"
    wheels = 0
    for library in task.get("libraries", []):
        for kind in ("whl", "requirements"):
            if (path := library.get(kind)) and not path.startswith("/"):
                found = list((file.parent / path).parent.glob(Path(path).name))
                wheels += kind == "whl" and len(found)
                if len(found) != 1:
                    yield f"expected one file at {path} (`make bundle` builds it); found {len(found)}"
    if not wheels:
        yield "expected the wheel among its libraries; found none"
    wheel = task.get("python_wheel_task")
    if not wheel:
        yield "expected a python_wheel_task; found none"
        return
    if wheel.get("package_name") != "brazada" or wheel.get("entry_point") not in SCRIPTS:
        yield f"expected package brazada with an entry point out of {', '.join(SCRIPTS)}; found {dict(wheel)}"
    variables = (clusters.get(key) or {}).get("spark_env_vars") or {}
    yield from commands.faults(wheel.get("parameters", []), variables)
    if wheel.get("parameters", []).count("--env") != 1 or "databricks" not in wheel["parameters"]:
        yield "expected --env databricks once in its parameters; found none, or more"


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    """The value with `${...}` replaced, as the Databricks command does. Raises KeyError for a name without a value."""
    if isinstance(value, dict):
        return {key: _filled(part, known) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, known) for part in value]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value):
        return _filled(known[whole.group(1)], known)
    return _REFERENCE.sub(lambda match: str(_filled(known[match.group(1)], known)), value)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML's safe loader, the fast one where there is one, to which a key that comes twice is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        if twice := [name for name in names if names.count(name) > 1]:
            raise yaml.MarkedYAMLError(problem=f"the key '{twice[0]}' twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
    content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    if not isinstance(content, dict):
        raise yaml.YAMLError(f"{path.name} without a mapping")
    return content
