"""Frozen, validated settings, read once: base, environment's and own file, variables, `--set`; the later wins."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeGuard, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, PositiveInt, ValidationError, create_model, field_validator, model_validator

from brazada import domains
from brazada.errors import SettingsError
from brazada.section import Section
from brazada.training.settings import Training

_PACKAGE = Path(__file__).resolve().parent
CONF_DIR = next(folder for folder in (_PACKAGE / "conf", _PACKAGE.parents[1] / "conf") if folder.is_dir())
_SECRET = re.compile(r"secret|token|password|credential|(^|[._])(access|account|api)?[._]?key$", re.IGNORECASE)
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")

Environment = Literal["local", "databricks", "emr"]


class Warehouse(Section):
    """Where tables live: under a path (local), in a catalog (Databricks), or in a catalog with a path (EMR)."""

    path: str | None = "./warehouse"
    catalog: str | None = None
    scratch: str | None = None  # a folder for what is no table: where streams go on, files that are being unpacked
    retries: PositiveInt = 5  # of a write that met a concurrent one

    @field_validator("path", "scratch")
    @classmethod
    def _plain(cls, path: str | None) -> str | None:
        """A folder of this machine by its path, whichever way it is written; other filesystems by their URL."""
        if path is None:
            return None
        return re.sub("^file:/+", "/", path) if path.startswith("file:/") else re.sub("(?<=[^/])/+$", "", path)

    @property
    def shown(self) -> str:
        """Where tables live, for people: the path, without a login, or the catalog."""
        return _URL_LOGIN.sub("***@", self.path) if self.path else f"catalog {self.catalog}"

    @property
    def is_local(self) -> bool:
        """Whether tables lie in a folder of this machine."""
        return self.path is not None and "://" not in self.path

    def nearest(self) -> Path | None:
        """What is there of the path on this machine: it or the nearest above; None for one of another filesystem."""
        if not self.is_local:
            return None
        here = Path(str(self.path)).resolve()
        return next(path for path in (here, *here.parents) if path.exists())


class Spark(Section):
    """What a session is started with; where `master` is null the cluster (or spark-submit) says it."""

    master: str | None = None  # null: as spark-submit or the cluster says
    app_name: str = "brazada"  # in Spark's own pages
    config: dict[str, str] = Field(default_factory=dict)

    @field_validator("config", mode="before")
    @classmethod
    def _flat(cls, config: Any) -> Any:
        """Spark's keys hold dots, so `--set spark.config.spark.ui.enabled=true` arrives nested."""
        return {key: _text(value) for key, value in _leaves(config, "")} if isinstance(config, dict) else config


S = TypeVar("S", bound=Section)


class Settings(Section):
    """Everything a job can be told. Frozen; changed only by `model_copy(update=...)`.

    What `load` returns has a section more for each domain, by its name.
    """

    env: Environment  # local, databricks or emr: `--env`
    warehouse: Warehouse
    spark: Spark
    training: Training

    def of(self, kind: type[S]) -> S:
        """The section of a domain, by its class."""
        return next(part for name in type(self).model_fields if isinstance(part := getattr(self, name), kind))

    @property
    def schemas(self) -> tuple[str, ...]:
        """The schemas that hold tables of this suite: those of the domains, and two that all of them share."""
        return (*sorted(domain.name for domain in domains.DOMAINS), "ml", "ops")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not (self.warehouse.path or self.warehouse.catalog):
            raise ValueError("a folder in warehouse.path, where tables are to lie, or a catalog in warehouse.catalog")
        return self


def load(
    env: str = "local",
    conf: str | Path | None = None,
    overrides: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Settings:
    """Read and validate the settings of one run.

    `overrides` are dotted `key=value` pairs, values in YAML. `variables` (default `os.environ`) may hold
    `BRAZADA_WAREHOUSE` and `BRAZADA__SECTION__KEY`. Raises `SettingsError` for unknown keys and bad values.
    """
    if env not in get_args(Environment):
        raise SettingsError(f"one of {', '.join(get_args(Environment))}", found=f"--env {env}", todo="name one of them")
    merged: dict[str, Any] = {"env": env}
    try:
        for path in (CONF_DIR / "base.yaml", CONF_DIR / f"{env}.yaml", conf):
            if path is not None:
                merged = _merge(merged, _read(Path(path)))
        given = [*_from_variables(os.environ if variables is None else variables), *map(_split_pair, overrides)]
        for key, value in given:
            merged = _merge(merged, _nested(key.split("."), value))
        return _whole().model_validate(merged)
    except ValidationError as error:
        raise _plain(error) from None
    except RecursionError:
        found = "one that goes too deep, or names itself"
        raise SettingsError("settings of a few levels", found=found, todo="check --conf and --set") from None


def _whole() -> type[Settings]:
    """The settings with a section for each domain."""
    sections: dict[str, Any] = {d.name: (d.settings, Field(default_factory=d.settings)) for d in domains.DOMAINS}
    return create_model("Settings", __base__=Settings, **sections)


def dotted(settings: Settings, *sections: str) -> Iterator[tuple[str, str]]:
    """Dotted keys and printable values of the named sections (all of them by default), secrets masked."""
    for key, value in _leaves(settings.model_dump(mode="json", include=set(sections) or None), ""):
        yield key, _masked(key, _text(value))


def _masked(key: str, text: str) -> str:
    """The text of a setting's value, without what is secret."""
    return "***" if _SECRET.search(key) and text not in ("", "null") else _URL_LOGIN.sub("***@", text)


def _leaves(tree: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, tree


def _text(value: Any) -> str:
    """A value as YAML and Spark write it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class _Instead(list[Any]):
    """A list that stands in the place of the one below it, whatever that one holds."""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, to which a key that comes twice is an error, and which knows lists tagged `!replace`."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping. Raises YAMLError, with the line, for a key that it has already."""
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and names.count(key.value) > 1]:
            raise yaml.MarkedYAMLError(problem=f"the key '{twice[-1].value}' twice", problem_mark=twice[-1].start_mark)
        return super().construct_mapping(node, deep)


def _instead(loader: _Loader, node: yaml.SequenceNode) -> _Instead:
    return _Instead(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("!replace", _instead)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader) or {}  # noqa: S506 - a safe one
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise SettingsError("a readable YAML file", found=f"{path}: {error}", todo="check --conf") from error
    if not isinstance(content, dict):
        raise SettingsError("a mapping of sections", found=f"{path} with a {type(content).__name__}", todo="mend it")
    return content


def _from_variables(variables: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    if path := variables.get("BRAZADA_WAREHOUSE"):
        yield "warehouse.path", path
    for name in sorted(variables):
        if name.startswith("BRAZADA__"):
            key = name.removeprefix("BRAZADA__").lower().replace("__", ".")
            yield key, _value(variables[name], name)


def _split_pair(pair: str) -> tuple[str, Any]:
    key, equals, text = pair.partition("=")
    if not equals or not key.strip():
        raise SettingsError("--set key=value", found=f"--set {pair}", todo="write the dotted key, '=' and the value")
    return key.strip(), _value(text, key)


def _value(text: str, key: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        why = f" ({problem})" if (problem := getattr(error, "problem", None)) else ""
        found = f"{key}={_masked(key, text + why)}"
        raise SettingsError("a YAML value", found=found, todo="correct or quote it") from error


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merge key by key, and lists of mappings have those of both; anything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merge(old, value)
        else:
            merged[key] = _both(old, value) if _has_mappings(old) and _has_mappings(value) else value
    return merged


def _has_mappings(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(part, dict) for part in value)


def _both(below: list[dict[str, Any]], above: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The later list's mappings, and behind them those of the earlier that have not the name of one; or `!replace`."""
    names = [part["name"] for part in above if "name" in part]
    return above if isinstance(above, _Instead) else above + [part for part in below if part.get("name") not in names]


def _plain(error: ValidationError) -> SettingsError:
    """The first fault of a validation, in the words of the settings file, with the nearest known name."""
    fault = error.errors()[0]
    key = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        known = _known_keys(fault["loc"][:-1])
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1, cutoff=0.4)
        hint = f"did you mean '{'.'.join(map(str, [*fault['loc'][:-1], near[0]]))}'?" if near else "see conf/base.yaml"
        return SettingsError(
            f"one of {', '.join(sorted(known))}", found=f"unknown setting '{key}'", todo=hint.rstrip(".")
        )
    return SettingsError(
        f"a valid value for '{key}' ({fault['msg'][:1].lower()}{fault['msg'][1:]})",
        found=_shown(key, fault.get("input")),
        todo="correct it in the file, variable or --set that says so",
    )


def _shown(key: str, value: Any) -> str:
    """A value that does not fit; of a mapping or list no more than what it is, for it may hold others' secrets."""
    if isinstance(value, Mapping | list | tuple):
        return f"a {'mapping' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    return _masked(key, repr(value)[:200])


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """Names of the fields of the section at a location; mappings and lists are stepped through."""
    here: Any = _whole()
    for key in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(key)].annotation
        else:
            here = get_args(here)[-1] if get_origin(here) is not tuple else get_args(here)[0]
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []
