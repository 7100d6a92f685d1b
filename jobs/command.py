"""Any `brazada ...` for spark-submit (`tables`, `sql`, `train`, ...): the arguments are those of the command."""

from brazada.cli import main

if __name__ == "__main__":
    main()
