"""What accounts are compared by: one card per account, with its own domain, its name as it is compared, and its country."""
# ruff: noqa: S608  names of ours

from collections.abc import Iterable, Sequence
from typing import Final

from crm_kare.method import Workbench
from crm_kare.sync.identity.domains import lay_out_domains
from crm_kare.sync.identity.party import Party, union

_FORMS: Final = """
    ab ag and aps as asa bv bvba cia co company corp corporation doo et eurl gesmbh gmbh hnos inc incorporated kft kg kgaa kk
    limited llc llp lp ltd ltda mbh nv oo ood oy oyj plc pte pty pvt sa sarl sas sc se sl slu sp spa spol srl sro the und z zoo
"""
"""Legal forms and small words, as they look once dots are gone and blanks stand for all else."""

_WORDS: Final = (
    "' ' || regexp_replace(replace(replace(lower(strip_accents(replace(name, 'ß', 'ss'))), '.', ''), '''', ''), "
    "'[^\\p{L}\\p{N}]+', ' ', 'g') || ' '"
)
_NO_FORMS: Final = f"regexp_replace({_WORDS}, '\\b(?:{'|'.join(_FORMS.split())})\\b', ' ', 'g')"
_TIDY: Final = "nullif(trim(regexp_replace({0}, ' +', ' ', 'g')), '')"

KEY: Final = f"coalesce({_TIDY.format(_NO_FORMS)}, {_TIDY.format(_WORDS)})"
"""A name without letter case, accents, punctuation and legal form; with it where nothing else is left."""


def lay_out_cards(bench: Workbench, parties: Sequence[Party], shared: Iterable[str]) -> None:
    """Make the step `same_cards`: place, account_id, name, domain, key (the name as it is compared), country."""
    named = [
        f"SELECT {one.place} AS place, account_id, name, domain, country FROM {one.named('accounts')}"
        for one in parties
    ]
    bench.step("same_named", union(named))
    lay_out_domains(bench, "same_named", shared)
    bench.step("same_cards", f"""
        SELECT n.place, n.account_id, n.name, d.domain, {KEY} AS key,
               nullif(trim(lower(strip_accents(n.country))), '') AS country
        FROM same_named AS n LEFT JOIN same_domains AS d ON n.domain = d.raw""")  # fmt: skip
    bench.drop("same_named", "same_hosts", "same_suffixes", "same_read", "same_shared", "same_domains")
