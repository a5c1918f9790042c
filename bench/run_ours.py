"""Ours: from the mirror to labels, as `crm-kare score` does it."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd  # noqa: F401  Ibis loads it at its first result, and imports are not what is measured
import pyarrow as pa
import world

import crm_kare_mappings
from crm_kare.config.rulebook import load_rulebook
from crm_kare.method import score
from crm_kare.sync.judge import engine
from crm_kare.sync.mapped import streams


def job(folder: Path) -> Callable[[], pa.Table]:
    """The function to time; mapping, rulebook and journal are open before."""
    mapping, mirror = world.mapping(), world.open_mirror(folder)
    rulebook = load_rulebook(Path(crm_kare_mappings.__file__).with_name("rulebook.yaml"), {})

    def labels() -> pa.Table:
        with engine() as con:
            canonical, _ = streams(mirror.tables(con), mapping, world.ORGANISATION, world.AS_OF)
            return score(canonical, rulebook, world.AS_OF).labels

    return labels
