"""``python -m vultus``: the command line."""

from vultus.cli import main

if __name__ == "__main__":
    main()
