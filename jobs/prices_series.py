"""The job `brazada prices series` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["prices", "series", *sys.argv[1:]])
