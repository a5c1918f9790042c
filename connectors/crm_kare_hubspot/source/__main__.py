"""`python -m crm_kare_hubspot.source --prefix KARE_ --to deploy/hubspot [--webhooks https://kare.example/…]`."""

import argparse
import sys
from pathlib import Path

from crm_kare_hubspot.source.app import WORDS
from crm_kare_hubspot.source.files import source_files, write


def main() -> int:
    """Write the files and name those that changed."""
    parser = argparse.ArgumentParser(prog="python -m crm_kare_hubspot.source", description=__doc__)
    parser.add_argument("--prefix", default="KARE_", help="the mapping's prefix (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=Path("deploy/hubspot"), help="the project (default: %(default)s)")
    parser.add_argument("--webhooks", metavar="URL", default="", help="where `serve` takes notices; none without it")
    parser.add_argument(
        "--also",
        metavar="OBJECT.PROPERTY",
        action="append",
        default=[],
        help="another property to tell of: deals.margin",
    )
    told = parser.parse_args()
    if told.webhooks and not told.webhooks.startswith("https://"):
        parser.error("HubSpot sends webhooks to https:// addresses only")
    also = [_property(parser, one) for one in told.also]
    for path in write(told.to, source_files(told.prefix, webhooks=told.webhooks, also=also)):
        sys.stdout.write(f"{path}\n")
    return 0


def _property(parser: argparse.ArgumentParser, told: str) -> tuple[str, str]:
    source, _, name = told.partition(".")
    if source not in WORDS or not name:
        parser.error(f"--also {told}: want OBJECT.PROPERTY, where OBJECT is one of {', '.join(WORDS)}")
    return source, name


if __name__ == "__main__":
    raise SystemExit(main())
