"""The job `brazada swim run` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["swim", "run", *sys.argv[1:]])
