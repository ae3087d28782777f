"""`python -m actinit_lint`."""

from actinit_lint.cli import entry

if __name__ == "__main__":
    entry()
