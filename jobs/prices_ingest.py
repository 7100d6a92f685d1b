"""The job `brazada prices ingest` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["prices", "ingest", *sys.argv[1:]])
