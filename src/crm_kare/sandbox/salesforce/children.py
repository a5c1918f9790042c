"""From an object to the records that belong to it."""

from typing import Any, Final

from crm_kare.sandbox.salesforce.org import SalesforceOrg

CHILDREN: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Account": {
        "Contacts": ("Contact", "AccountId"),
        "Opportunities": ("Opportunity", "AccountId"),
        "Orders": ("Order", "AccountId"),
        "ChildAccounts": ("Account", "ParentId"),
    },
    "Contact": {"OpportunityContactRoles": ("OpportunityContactRole", "ContactId")},
    "Opportunity": {
        "OpportunityLineItems": ("OpportunityLineItem", "OpportunityId"),
        "OpportunityContactRoles": ("OpportunityContactRole", "OpportunityId"),
    },
    "Order": {"OrderItems": ("OrderItem", "OrderId")},
}
"""Relationships that have a name: by it the child's object, and the field in it that leads back."""


def child_relationships(org: SalesforceOrg, name: str, user_id: str) -> list[dict[str, Any]]:
    """What a describe tells of them: every field that a user sees and that refers to the object."""
    named = {way: relationship for relationship, way in CHILDREN.get(name, {}).items()}
    ways = [
        (other.name, one.name)
        for other in org.objects(user_id)
        for one in org.visible(other.name, user_id).values()
        if one.refers_to == name
    ]
    return [
        {
            "cascadeDelete": way in named and way[0] != name,
            "childSObject": way[0],
            "deprecatedAndHidden": False,
            "field": way[1],
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": named.get(way),
            "restrictedDelete": False,
        }
        for way in ways
    ]
