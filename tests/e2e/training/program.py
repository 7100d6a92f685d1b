"""A job in a process of its own, for tests: `program.py WAREHOUSE REQUEST`.

The request is JSON: `runs`, a list of {launch, spec, resume, fails}, and `set`, a list of key=value settings. Prints
one JSON line: for each run its identifier, weights and history; or its error, where it is to fail.
"""

import json
import sys
from dataclasses import replace

import lines

from brazada.errors import BrazadaError
from brazada.report import Job, job
from brazada.settings import load
from brazada.training.train import train

LOCAL = (
    "spark.master=local[2]",
    "spark.config.spark.sql.shuffle.partitions=2",
    "spark.config.spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1",
    "training.ranks=2",
    "training.start_timeout_s=120",
)


def main(warehouse: str, request: str) -> int:
    wanted = json.loads(request)
    settings = load(overrides=[*LOCAL, f"warehouse.path={warehouse}", *wanted.get("set", [])], variables={})
    try:
        with job("lines", settings, ("training",)) as here:
            if not here.store.exists(lines.TABLE.name):
                here.store.append_once(lines.TABLE, lines.points(here.spark), "points")
            print(json.dumps([run(here, **one) for one in wanted["runs"]]))
    except BrazadaError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def run(here: Job, *, launch: str = "horovod", spec: dict, resume: str | None = None, fails: bool = False) -> dict:
    options = here.settings.training.model_copy(update={"launch": launch})
    here = replace(here, settings=here.settings.model_copy(update={"training": options}))
    try:
        done = train(here, lines.LINES.with_spec(**spec), resume=resume)
    except BrazadaError as error:
        if not fails:
            raise
        return {"error": str(error)}
    weights = [array.tolist() for array in done.outcome.weights]
    return {"run": done.id, "weights": weights, "history": done.outcome.history, "promoted": done.promoted}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
