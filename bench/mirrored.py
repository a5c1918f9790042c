"""What both halves of `pull.py` share: the streams as the starter maps them, and a pull of them into a mirror on disk."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import crm_kare_mappings
from crm_kare.config.mapping import load_mapping, stream_specs
from crm_kare.journal import open_journal
from crm_kare.ports import ConnectorFactory, Context, Organisation, StreamSpec
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.pull import pull

STREAMS: Final = ("accounts", "opportunities")


def starter(crm: str) -> list[StreamSpec]:
    """Accounts and opportunities as the starter mapping maps them."""
    mapping = load_mapping(Path(crm_kare_mappings.__file__).with_name(f"{crm}.yaml"))
    return [one for one in stream_specs(mapping) if one.stream in STREAMS]


def mirrored(connect: ConnectorFactory, context: Context, specs: list[StreamSpec]) -> tuple[int, int]:
    """Records in the mirror, and calls; all files go into the context's folder."""
    journal = open_journal(f"sqlite:///{context.folder}/journal.db")
    with closing(journal), closing(connect(context)) as connector:
        mirror = Mirror(context.folder / "mirror", journal, "bench")
        pulled = pull(connector, specs, mirror, Organisation("bench", "Bench"), now=datetime.now(UTC))
        mirror.accept()
        calls = connector.calls()
    return sum(one.rows for one in pulled.streams), calls.read + calls.write
