"""`python -m crm_kare_salesforce.source --prefix KARE_ --to deploy/salesforce`."""

import argparse
import sys
from pathlib import Path

from crm_kare_salesforce.source.files import source_files, write


def main() -> int:
    """Write the files and name those that changed."""
    parser = argparse.ArgumentParser(prog="python -m crm_kare_salesforce.source", description=__doc__)
    parser.add_argument("--prefix", default="KARE_", help="the mapping's prefix (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=Path("deploy/salesforce"), help="the project (default: %(default)s)")
    told = parser.parse_args()
    for path in write(told.to, source_files(told.to, told.prefix)):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
