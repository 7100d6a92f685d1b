"""Write what Databricks installs beside the wheel in dist/: locked packages of all roles that a cluster does not carry.

.venv/bin/python conf/deploy/requirements.py
"""

from __future__ import annotations

from pack_env import ROLES, ROOT, packages

DIST = ROOT / "dist"


def main() -> None:
    """Into dist/databricks-requirements.txt; without Horovod, of which there is no wheel to install."""
    lines = packages(next(DIST.glob("brazada-*.whl")), ROLES)
    chosen = [line for line in lines if "==" in line and not line.startswith("delta-spark==")]
    text = "\n".join(["# Out of requirements.lock, made by `make bundle`.", *chosen, ""])
    (DIST / "databricks-requirements.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
