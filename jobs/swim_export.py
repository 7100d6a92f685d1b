"""The job `brazada swim export` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["swim", "export", *sys.argv[1:]])
