"""Check what is deployed to Databricks and EMR, without either: each fault is printed, and ends with exit code 1.

make deploy-check
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import databricks_bundle
import emr

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """All of it, and by the Databricks command too where there is one."""
    found = {"databricks.yml": databricks_bundle.faults(ROOT), "conf/deploy/emr": emr.faults()}
    if not found["conf/deploy/emr"]:
        found["conf/deploy/emr on moto"] = emr.replay()
    if command := shutil.which("databricks"):
        done = subprocess.run([command, "bundle", "validate"], cwd=ROOT, capture_output=True, text=True, check=False)
        found["databricks bundle validate"] = [] if done.returncode == 0 else [done.stdout + done.stderr]
    for what, faults in found.items():
        print(f"{what}: " + ("nothing is wrong" if not faults else f"{len(faults)} faults"))
        print("".join(f"  {fault}\n" for fault in faults), end="")
    sys.exit(1 if any(found.values()) else 0)


if __name__ == "__main__":
    main()
