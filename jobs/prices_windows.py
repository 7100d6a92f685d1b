"""The job `brazada prices windows` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["prices", "windows", *sys.argv[1:]])
