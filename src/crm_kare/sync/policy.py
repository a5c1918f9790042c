"""What may be written: the mapping's word on fields and people's edits, and the part of the CRM that a run may touch."""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from crm_kare.labels import Editor, Label
from crm_kare.ports import LabelField


@dataclass(frozen=True)
class Policy:
    """What the mapping says about writing.

    Attributes:
        fields: labels and the CRM fields that hold them; people's may be among them and are never written.
        restore: whether a person's edit of an owned field is written over (else it is a conflict).
        clear_leavers: whether accounts that leave the mapping's filter lose their labels.
    """

    fields: tuple[LabelField, ...]
    restore: bool = False
    clear_leavers: bool = True

    @property
    def owned(self) -> tuple[LabelField, ...]:
        """The fields that we write."""
        return tuple(one for one in self.fields if one.label.editor is Editor.OURS)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels that we write."""
        return tuple(one.label for one in self.owned)


@dataclass(frozen=True)
class Scope:
    """Which accounts a run may write: those of one owner, the first so many that change, none that still wait."""

    owner: str | None = None
    limit: int | None = None
    waiting: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether the run is not a staged one."""
        return self.owner is None and self.limit is None


EVERYTHING: Final = Scope()
"""Every account of the CRM."""


@dataclass(frozen=True)
class Compared:
    """What a plan is made from.

    Attributes:
        labels: `Scored.labels`, `profile` being the one to show.
        present: the mirror's accounts: account_id, `parent_id` where it is mapped, and a `crm_<Label>` column per field
            that the CRM holds.
        own: account_id, label, value: what we last wrote, from the journal.
        held: account_id, computed_profile as last judged, from the journal; None where there is none.
        ranked: whether `Rank` and `Class` may move: on the measuring day. Else they stay; `Rank` is emptied where the
            profile moves.
        elsewhere: account_id, label of what in `own` lies in another field than the present one; None where nothing does.
    """

    labels: pa.Table
    present: pa.Table
    own: pa.Table
    held: pa.Table | None = None
    ranked: bool = True
    elsewhere: pa.Table | None = None
