"""The job `brazada prices run` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["prices", "run", *sys.argv[1:]])
