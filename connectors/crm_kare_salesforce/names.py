"""What our fields are called under a prefix."""

from crm_kare.labels import BY_NAME, Label


def field_name(label: Label, prefix: str) -> str:
    """`KARE_Profile__c`; labels without prefix keep their own name: `ICP_Score__c`."""
    return f"{prefix if label.prefixed else ''}{label.name}__c"


def named(name: str, prefix: str) -> str:
    """The field of the label of this name; an unknown name is an error of ours."""
    return field_name(BY_NAME[name], prefix)
