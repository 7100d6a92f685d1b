"""The job `brazada swim alerts` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["swim", "alerts", *sys.argv[1:]])
