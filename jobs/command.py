"""Any `brazada ...` for spark-submit (`tables`, `sql`, `train`, `swim summary`, ...): the arguments are the command's."""

from brazada.cli import main

if __name__ == "__main__":
    main()
