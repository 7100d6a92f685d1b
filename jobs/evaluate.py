"""The job `brazada evaluate` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
