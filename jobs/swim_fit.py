"""The job `brazada swim fit` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["swim", "fit", *sys.argv[1:]])
