"""The generated business's words in HubSpot's: pipelines and stages, industries, roles, deal types."""

from typing import Final

from crm_kare.sandbox.generate import Stage
from crm_kare.sandbox.generate.words import PRODUCT_LINES as FAMILIES

PRODUCT_LINES: Final = tuple(FAMILIES)

PIPELINE_IDS: Final = {
    "New business": "default",
    "Expansion": "71503201",
    "Renewal": "71503202",
    "Projects": "71503203",
}
"""Custom pipelines, and their stages, have numbers for ids."""

STAGES: Final = (
    (Stage.PROSPECTING, "appointmentscheduled", "Appointment Scheduled", "0.2"),
    (Stage.QUALIFICATION, "qualifiedtobuy", "Qualified To Buy", "0.4"),
    (Stage.PROPOSAL, "presentationscheduled", "Presentation Scheduled", "0.6"),
    (Stage.NEGOTIATION, "contractsent", "Contract Sent", "0.9"),
    (Stage.WON, "closedwon", "Closed Won", "1.0"),
    (Stage.WON_RENEWAL, "71503110", "Closed Won – Renewal", "1.0"),
    (Stage.LOST, "closedlost", "Closed Lost", "0.0"),
    (Stage.LOST_NO_DECISION, "71503111", "Closed Lost – No Decision", "0.0"),
)
"""Stage, its id in the default pipeline, label, probability."""

DEAL_TYPES: Final = {
    "New Business": "newbusiness",
    "Existing Business": "existingbusiness",
    "Expansion": "existingbusiness",
    "Renewal": "existingbusiness",
}

INDUSTRY_CODES: Final = {
    "Manufacturing": "MECHANICAL_OR_INDUSTRIAL_ENGINEERING",
    "Machinery": "MACHINERY",
    "Food & Beverage": "FOOD_BEVERAGES",
    "Construction": "CONSTRUCTION",
    "Chemicals": "CHEMICALS",
    "Electronics": "ELECTRICAL_ELECTRONIC_MANUFACTURING",
    "Healthcare": "HOSPITAL_HEALTH_CARE",
    "Retail": "RETAIL",
    "Energy": "OIL_ENERGY",
    "Transportation": "TRANSPORTATION_TRUCKING_RAILROAD",
    "Hospitality": "HOSPITALITY",
    "Education": "EDUCATION_MANAGEMENT",
}

BUYING_ROLES: Final = {
    "Economic Buyer": "BUDGET_HOLDER",
    "Decision Maker": "DECISION_MAKER",
    "Executive Sponsor": "EXECUTIVE_SPONSOR",
    "Technical Buyer": "OTHER",
    "Evaluator": "END_USER",
    "Influencer": "INFLUENCER",
}
