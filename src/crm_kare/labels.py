"""The single source of every field we write to a CRM or read back from it (DESIGN.md section 4).

Provisioning, the planner's owned fields, the generated metadata under deploy/ and the docs come from `LABELS`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crm_kare.model import Class, Motion, Profile, Tier


class FieldType(StrEnum):
    """What a label is in the CRM."""

    PICKLIST = "picklist"
    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    DATE = "date"
    CHECKBOX = "checkbox"


class Editor(StrEnum):
    """Who may edit the field: we write `OURS` and never touch `PEOPLE`'s."""

    OURS = "ours"
    PEOPLE = "people"


@dataclass(frozen=True)
class Label:
    """One field.

    Attributes:
        name: as METHOD.md and the Contract name it, for example `Computed_Profile`.
        title: what the CRM's page shows.
        type: the field's type.
        help: help text for reps, at most 255 characters.
        values: the picklist's values in order; blank is always allowed.
        length: characters for text, digits for numbers.
        editor: who edits it.
        default: written unless the mapping says otherwise (people's fields: created and read).
        prefixed: whether the mapping's prefix stands before the name.
        judgement: held back together when a person edited one of them.
    """

    name: str
    title: str
    type: FieldType
    help: str
    values: tuple[str, ...] = ()
    length: int = 0
    editor: Editor = Editor.OURS
    default: bool = False
    prefixed: bool = True
    judgement: bool = True


_PROFILES = tuple(profile.value for profile in Profile)
_P, _T, _L, _N, _D, _C = (
    FieldType.PICKLIST,
    FieldType.TEXT,
    FieldType.LONG_TEXT,
    FieldType.NUMBER,
    FieldType.DATE,
    FieldType.CHECKBOX,
)

LABELS: Final[tuple[Label, ...]] = (
    Label(
        "Profile",
        "KARE Profile",
        _P,
        "Keep, Attain, Recapture or Expand: the override while one holds, else computed from the order history.",
        _PROFILES,
        default=True,
    ),
    Label(
        "Computed_Profile",
        "KARE Computed Profile",
        _P,
        "What the rules say, whatever the override.",
        _PROFILES,
        default=True,
    ),
    Label(
        "Previous_Profile", "KARE Previous Profile", _P, "The profile before the last change.", _PROFILES, default=True
    ),
    Label("Changed_On", "KARE Changed On", _D, "Day the profile last changed.", default=True),
    Label(
        "Motion",
        "KARE Motion",
        _P,
        "What to do: acquire, grow, reactivate, retain or retire.",
        tuple(motion.value for motion in Motion),
        default=True,
    ),
    Label(
        "Badge",
        "KARE Badge",
        _P,
        "New: too early to call regular. At risk: silence is growing.",
        ("New", "At risk"),
        default=True,
    ),
    Label("Reason", "KARE Reason", _T, "The deciding facts with their dates, in one line.", length=255, default=True),
    Label(
        "Reasons",
        "KARE Reasons",
        _L,
        "All reasons, ICP answers and what would change the profile.",
        length=32_768,
        default=True,
    ),
    Label("Next_Step", "KARE Next Step", _T, "Next step from the playbook.", length=255, default=True),
    Label(
        "Rank",
        "KARE Rank",
        _N,
        "Place among the owner's accounts of this profile; the first few only, set monthly.",
        length=4,
    ),
    Label("Plan_Test", "KARE Plan Test", _T, "Questions answered yes, of six.", length=8),
    Label(
        "Plan_Warranted",
        "KARE Plan Warranted",
        _P,
        "Whether a strategic account development plan is worth writing.",
        ("Yes", "No"),
    ),
    Label("Class", "KARE Class", _P, "Strategic, Key, National or SMB.", tuple(value.value for value in Class)),
    Label(
        "Class_Warnings",
        "KARE Class Warnings",
        _T,
        "Big volume, big revenue, easy sell: what speaks against Key or Strategic.",
        length=255,
    ),
    Label(
        "ICP_Score",
        "ICP Score",
        _N,
        "Weight of the ideal-customer criteria met, of those known, 0 to 100.",
        length=3,
        default=True,
        prefixed=False,
    ),
    Label(
        "ICP_Tier",
        "ICP Tier",
        _P,
        "High, Moderate, Low, or Unrated when too little is known.",
        tuple(tier.value for tier in Tier),
        default=True,
        prefixed=False,
    ),
    Label(
        "ICP_Completeness",
        "ICP Completeness",
        _N,
        "Per cent of the criteria's weight whose answer is known.",
        length=3,
        prefixed=False,
    ),
    Label(
        "Rules_Version", "KARE Rules Version", _T, "Version of the rulebook that decided.", length=40, judgement=False
    ),
    Label(
        "Override",
        "KARE Override",
        _P,
        "Set by people: the profile that counts until the override ends. None = no profile.",
        (*_PROFILES, "None"),
        editor=Editor.PEOPLE,
        default=True,
    ),
    Label(
        "Override_Reason",
        "KARE Override Reason",
        _T,
        "Set by people: why the override.",
        length=255,
        editor=Editor.PEOPLE,
        default=True,
    ),
    Label(
        "Override_Until",
        "KARE Override Until",
        _D,
        "Set by people: last day of the override; empty = no end.",
        editor=Editor.PEOPLE,
        default=True,
    ),
    Label(
        "Lapse_Reason",
        "KARE Lapse Reason",
        _P,
        "Set by people: why the customer stopped buying.",
        ("Service failure", "Miscommunication", "Frozen budget", "New executive with another supplier", "Other"),
        editor=Editor.PEOPLE,
    ),
    Label(
        "Class_Override",
        "KARE Class Override",
        _P,
        "Set by people: the class that counts.",
        tuple(value.value for value in Class),
        editor=Editor.PEOPLE,
    ),
    Label("Target", "KARE Target", _C, "Set by people: we want this account.", editor=Editor.PEOPLE),
)
"""Every label in the order of DESIGN.md section 4."""

BY_NAME: Final[dict[str, Label]] = {label.name: label for label in LABELS}


def owned(names: frozenset[str]) -> tuple[Label, ...]:
    """Of the labels named, those that we write, in the order of `LABELS`."""
    return tuple(label for label in LABELS if label.name in names and label.editor is Editor.OURS)
