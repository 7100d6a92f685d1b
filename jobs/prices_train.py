"""The job `brazada prices train` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["prices", "train", *sys.argv[1:]])
