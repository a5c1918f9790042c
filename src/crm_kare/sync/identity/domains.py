"""A company's own domain from what stands in its account: worked out once per distinct value.

Nearly all values are `acme.com` with or without `www.` and `https://`: those the engine reads by itself, with the public
suffix list as a table. Only hosts of more parts, or in other letters than ASCII, go through tldextract one by one.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import ibis
import pyarrow as pa
from tldextract import TLDExtract

from crm_kare.method import Workbench, quoted
from crm_kare.sync.identity.hosts import SHARED_HOSTS

_HOST: Final = r"^(?:(?:[a-z][a-z0-9+.]*:)?//|mailto:)?(?:[^/@\s]*@)?(?:www\d?\.)?([^/:?#,;\s@]+\.[^/:?#,;\s@]+)"
"""The first host of a web address, a mail address or a list of them; nothing where there is no dot."""

_PLAIN: Final = "^[a-z0-9-]+[.][a-z][a-z0-9-]*$"
_NUMBERS: Final = "^[0-9.]+$"


def lay_out_domains(bench: Workbench, source: str, shared: Iterable[str]) -> None:
    """Make the step `same_domains`: raw (a distinct value of the column `domain` of `source`), domain; only values that
    have one, which is not among the shared ones. By the public suffix list's own rule an ending that it does not know
    counts as a suffix of one part.
    """
    host = f"rtrim(regexp_extract(lower(trim(domain)), {quoted(_HOST)}, 1), '.')"
    bench.step("same_hosts", f"""
        SELECT domain AS raw, {host} AS host, regexp_full_match({host}, {quoted(_PLAIN)}) AS plain
        FROM (SELECT DISTINCT domain FROM {source}) WHERE {host} <> '' AND NOT regexp_full_match({host}, {quoted(_NUMBERS)})""")  # fmt: skip  # noqa: S608  names of ours
    _keep(bench, "same_suffixes", suffix=_suffixes())
    plain = """plain AND '*.' || split_part(host, '.', 2) NOT IN (SELECT suffix FROM same_suffixes)"""
    asked = bench.rows(f"SELECT DISTINCT host FROM same_hosts WHERE NOT ({plain}) ORDER BY host")  # noqa: S608
    others = [str(row["host"]) for row in asked]
    _keep(bench, "same_read", host=others, domain=[_registered(one) for one in others])
    _keep(bench, "same_shared", domain=sorted({*SHARED_HOSTS, *(_registered(one) or one for one in shared)}))
    bench.step("same_domains", f"""
        SELECT raw, coalesce(r.domain, h.host) AS domain
        FROM same_hosts AS h LEFT JOIN same_read AS r ON h.host = r.host
        WHERE (r.domain IS NOT NULL OR (r.host IS NULL AND {plain.replace("host", "h.host")}
                                        AND h.host NOT IN (SELECT suffix FROM same_suffixes)))
              AND coalesce(r.domain, h.host) NOT IN (SELECT domain FROM same_shared)""")  # fmt: skip  # noqa: S608


def _keep(bench: Workbench, name: str, **columns: Sequence[str | None]) -> None:
    made = {column: pa.array(values, pa.string()) for column, values in columns.items()}
    bench.keep(name, ibis.memtable(pa.table(made)))


@cache
def _extract() -> TLDExtract:
    """With the list that comes in the package: no network, no files."""
    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


def _suffixes() -> list[str]:
    return sorted(_extract().tlds)


def _registered(host: str) -> str | None:
    """The part of a host that its owner registered; None for a bare suffix, a number, or no host at all."""
    name = _ascii(host).strip(".")
    labels = name.split(".")
    if len(labels) < 2 or not all(labels) or labels[-1].isdigit():  # noqa: PLR2004  a name and its ending
        return None
    found = _extract().extract_str(name)
    if found.suffix:
        return found.top_domain_under_public_suffix or None
    return ".".join(labels[-2:])


def _ascii(host: str) -> str:
    """A host as the domain name system has it: the same domain may be written in both ways."""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host
