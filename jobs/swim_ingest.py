"""The job `brazada swim ingest` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["swim", "ingest", *sys.argv[1:]])
