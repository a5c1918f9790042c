"""The command line: parse, call the flow, print. The exit code comes from the error's class or the run's result."""

import sys
from collections.abc import Sequence

from crm_kare.cli.app import app
from crm_kare.cli.door import ended


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with the Contract's code."""
    sys.exit(ended(app, arguments))
