"""The job `brazada predict` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["predict", *sys.argv[1:]])
