"""`python -m brazada`: the `brazada` command."""

from brazada.cli import main

if __name__ == "__main__":
    main()
