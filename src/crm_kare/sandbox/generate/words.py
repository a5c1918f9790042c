"""The words that names and products are made of."""

from typing import Final

INDUSTRIES: Final = (
    ("Manufacturing", 22),
    ("Machinery", 14),
    ("Food & Beverage", 11),
    ("Construction", 9),
    ("Chemicals", 8),
    ("Electronics", 8),
    ("Healthcare", 6),
    ("Retail", 6),
    ("Energy", 5),
    ("Transportation", 5),
    ("Hospitality", 3),
    ("Education", 3),
)
"""Industry and how often it occurs; each is a value of Salesforce's standard picklist."""

COUNTRIES: Final = (
    ("United States", 30, ("Cleveland", "Dallas", "Milwaukee", "Portland", "Raleigh")),
    ("Germany", 22, ("Bielefeld", "Hamburg", "Mannheim", "Nürnberg", "Ulm")),
    ("United Kingdom", 12, ("Bristol", "Leeds", "Sheffield", "Swansea")),
    ("France", 10, ("Angers", "Besançon", "Lyon", "Nantes")),
    ("Netherlands", 7, ("Breda", "Eindhoven", "Zwolle")),
    ("Poland", 6, ("Gdańsk", "Łódź", "Wrocław")),
    ("Italy", 6, ("Bergamo", "Bologna", "Torino")),
    ("Japan", 4, ("名古屋市", "大阪市")),
    ("Brazil", 3, ("Curitiba", "São Paulo")),
)
"""Country, how often it occurs, and cities."""

FIRST_WORDS: Final = (
    "Alder", "Amber", "Anchor", "Arden", "Ashford", "Baltic", "Beacon", "Birch", "Boreal", "Bramley", "Calder", "Cardinal",
    "Cedar", "Clover", "Cobalt", "Corvus", "Crown", "Dalton", "Delmar", "Dorian", "Eastgate", "Elbe", "Ember", "Falcon",
    "Fenwick", "Forge", "Garnet", "Glen", "Granite", "Halden", "Harbor", "Hazel", "Helix", "Hollis", "Iris", "Ironwood",
    "Juniper", "Kestrel", "Keystone", "Kingsley", "Lark", "Laurel", "Linden", "Lotus", "Lumen", "Maple", "Meridian", "Mersey",
    "Nordic", "Norwood", "Oakley", "Onyx", "Orchard", "Orion", "Osprey", "Pacific", "Pine", "Quarry", "Quill", "Raven",
    "Redwood", "Ridge", "Rowan", "Sable", "Saxon", "Sierra", "Slate", "Sterling", "Summit", "Tamar", "Teal", "Thorn",
    "Trent", "Umber", "Union", "Vale", "Vega", "Vesper", "Walden", "Wexford", "Willow", "Winter", "Yarrow", "Zephyr",
)  # fmt: skip

SECOND_WORDS: Final = (
    "Automation", "Bearings", "Brewing", "Castings", "Ceramics", "Components", "Controls", "Dairy", "Drives", "Dynamics",
    "Engineering", "Fabrication", "Foods", "Foundry", "Glass", "Hydraulics", "Instruments", "Logistics", "Machine Works",
    "Materials", "Metals", "Mills", "Motors", "Packaging", "Paper", "Plastics", "Polymers", "Power", "Presses", "Process",
    "Pumps", "Robotics", "Steel", "Systems", "Textiles", "Tools", "Tubes", "Valves", "Water", "Wire",
)  # fmt: skip

LEGAL_FORMS: Final = {
    "United States": ("Inc.", "LLC", "Corp."),
    "Germany": ("GmbH", "AG", "GmbH & Co. KG"),
    "United Kingdom": ("Ltd", "plc"),
    "France": ("SAS", "SA"),
    "Netherlands": ("B.V.", "N.V."),
    "Poland": ("Sp. z o.o.", "S.A."),
    "Italy": ("S.r.l.", "S.p.A."),
    "Japan": ("株式会社", "K.K."),
    "Brazil": ("Ltda.", "S.A."),
}

ODD_NAMES: Final = (
    "Ærøskøbing Værft A/S", "Škoda & Синяя Гора s.r.o.", "=Sum Engineering Ltd", "O'Brien \"Quality\" Tools", "株式会社日本精工", "شركة النور للصناعة",
    "Zoë 🚀 Robotics", "A,B;C Handels-GmbH", "Łódź Tkaniny Sp. z o.o.", "  Trailing Spaces Corp  ", "Straße & Söhne KG", "Null Inc.",
)  # fmt: skip
"""Names that break careless programs."""

FIRST_NAMES: Final = (
    "Aisha", "Anna", "Ben", "Carla", "Chen", "Daniel", "Elena", "Farah", "Georg", "Hana", "Ines", "Jakub", "Kofi", "Laura",
    "Luís", "Marta", "Nadia", "Noah", "Olga", "Paul", "Quentin", "Rosa", "Sven", "Tomás", "Uma", "Viktor", "Wei", "Yuki", "Zoë",
)  # fmt: skip

LAST_NAMES: Final = (
    "Adeyemi", "Bauer", "Bianchi", "Carter", "Dubois", "Evans", "Fischer", "García", "Haddad", "Ito", "Jansen", "Kowalski",
    "Lindqvist", "Meyer", "Nowak", "O'Neill", "Patel", "Quinn", "Rossi", "Silva", "Tanaka", "Ueda", "Vermeer", "Wagner", "Young", "Zhang",
)  # fmt: skip

TITLES: Final = (
    ("Head of Purchasing", "Economic Buyer", True),
    ("Plant Manager", "Decision Maker", True),
    ("Managing Director", "Executive Sponsor", True),
    ("Maintenance Engineer", "Technical Buyer", False),
    ("Buyer", "Evaluator", False),
    ("Quality Manager", "Influencer", False),
    ("Shift Lead", None, None),
)
"""Title, role in decisions, and whether the person decides."""

PRODUCT_LINES: Final = {
    "Bearings": ("Ball Bearing 6204", "Roller Bearing NU 206", "Bearing Housing SN 510"),
    "Drives": ("Gear Motor 0.75 kW", "Frequency Inverter 4 kW", "Belt Drive Set"),
    "Lubrication": ("Grease Cartridge 400 g", "Central Lubrication Unit", "Chain Oil 5 l"),
    "Seals": ("Shaft Seal 45x62", "O-Ring Kit", "Mechanical Seal MG1"),
    "Sensors": ("Vibration Sensor", "Temperature Probe PT100", "Proximity Switch M12"),
    "Services": ("Condition Monitoring, Year", "Line Audit", "Operator Training, Day"),
}
"""Product lines and what is sold in them."""

TEAMS: Final = ("North", "South", "Key Accounts", "Inside Sales")
