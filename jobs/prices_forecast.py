"""The job `brazada prices forecast` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["prices", "forecast", *sys.argv[1:]])
