"""The job `brazada swim laps` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["swim", "laps", *sys.argv[1:]])
