"""The job `brazada swim score` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["swim", "score", *sys.argv[1:]])
