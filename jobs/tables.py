"""`brazada tables|sql|quarantine ...` for spark-submit: the arguments are those of the command."""

import sys

from brazada.cli import main

if __name__ == "__main__":
    main(sys.argv[1:])
