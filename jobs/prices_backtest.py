"""The job `brazada prices backtest` for spark-submit; same options."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(["prices", "backtest", *sys.argv[1:]])
