"""What our properties are called in HubSpot."""

from crm_kare.labels import Label


def field_name(label: Label, prefix: str) -> str:
    """`kare_profile`, `icp_score`: HubSpot allows lower-case letters, digits and underscores."""
    return f"{prefix if label.prefixed else ''}{label.name}".lower()
