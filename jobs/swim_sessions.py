"""The job `brazada swim sessions` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["swim", "sessions", *sys.argv[1:]])
