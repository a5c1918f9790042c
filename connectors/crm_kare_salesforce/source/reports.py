"""Report type, reports and the dashboard, each in a folder of its own that all of the company may read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from crm_kare.labels import LABELS, FieldType
from crm_kare.model import Profile
from crm_kare_salesforce.names import field_name, named
from crm_kare_salesforce.source.document import document

_TYPE: Final = "KARE_Accounts"
_FOLDER: Final = "KARE"
_STANDARD: Final = ("Name", "Owner", "Industry", "Type", "CreatedDate")
"""Account's own fields in the report type; reports on it need the creation day for their time frame."""


@dataclass(frozen=True)
class _Report:
    """A report: accounts that pass the tests (label, operator, value), grouped by one label or field, or by two."""

    name: str
    title: str
    description: str
    down: str
    across: str = ""
    tests: tuple[tuple[str, str, str], ...] = ()
    columns: tuple[str, ...] = ("Name",)


_DETAILS: Final = ("Name", "Badge", "Reason", "Next_Step", "Changed_On", "ICP_Tier", "ICP_Score")
_REPORTS: Final = (
    _Report("Accounts_by_Profile", "Accounts by profile", "How many accounts each profile has.", "Profile"),
    _Report(
        "Profiles_by_Owner", "Profiles by owner", "Each owner's accounts by profile.", "Owner", across="Profile"
    ),
    _Report("Profiles_by_ICP_Tier", "Profiles by ICP tier", "Profiles against ICP.", "ICP_Tier", across="Profile"),
    *(
        _Report(
            f"{one}_Accounts",
            f"{one} accounts",
            f"{one} accounts by owner, with reason and next step.",
            "Owner",
            tests=(("Profile", "equals", one.value),),
            columns=_DETAILS,
        )
        for one in Profile
    ),
    _Report(
        "At_Risk",
        "Accounts at risk",
        "Accounts whose silence is growing, by owner.",
        "Owner",
        tests=(("Badge", "equals", "At risk"),),
        columns=("Name", "Profile", "Reason", "Next_Step", "ICP_Tier"),
    ),
    _Report(
        "Changed_this_Month",
        "Changed this month",
        "Accounts whose profile changed this month, by the new one.",
        "Profile",
        tests=(("Changed_On", "equals", "THIS_MONTH"),),
        columns=("Name", "Owner", "Previous_Profile", "Changed_On", "Reason"),
    ),
    _Report(
        "Overrides",
        "Overrides",
        "Profiles set by people, with their reasons and ends.",
        "Override",
        tests=(("Override", "notEqual", ""),),
        columns=("Name", "Owner", "Computed_Profile", "Override_Reason", "Override_Until"),
    ),
)  # fmt: skip

_PARTS: Final = (
    ("Donut", "Accounts by profile", "Accounts_by_Profile", "Profile"),
    ("BarStacked", "Profiles by owner", "Profiles_by_Owner", "Owner"),
    ("Bar", "At risk by owner", "At_Risk", "Owner"),
    ("Column", "Changed this month", "Changed_this_Month", "Profile"),
    ("BarStacked", "Profiles by ICP tier", "Profiles_by_ICP_Tier", "ICP_Tier"),
    ("Donut", "Overrides", "Overrides", "Override"),
)
"""The dashboard: chart, header, report, what it groups by; two in a row."""


def report_files(prefix: str) -> Iterator[tuple[str, str]]:
    """Path and text of each file."""
    yield f"reportTypes/{_TYPE}.reportType-meta.xml", document("ReportType", _report_type(prefix))
    yield f"reports/{_FOLDER}.reportFolder-meta.xml", document("ReportFolder", _folder())
    for report in _REPORTS:
        yield f"reports/{_FOLDER}/{report.name}.report-meta.xml", document("Report", _report(report, prefix))
    yield f"dashboards/{_FOLDER}.dashboardFolder-meta.xml", document("DashboardFolder", _folder())
    yield f"dashboards/{_FOLDER}/Profiles.dashboard-meta.xml", document("Dashboard", _dashboard(prefix))


def _folder() -> dict[str, Any]:
    everyone = {"accessLevel": "View", "sharedTo": "AllInternalUsers", "sharedToType": "Organization"}
    return {"folderShares": everyone, "name": "KARE"}


def _report_type(prefix: str) -> dict[str, Any]:
    fields = [*_STANDARD, *(field_name(label, prefix) for label in LABELS if label.type is not FieldType.LONG_TEXT)]
    columns = [{"checkedByDefault": one == "Name", "field": one, "table": "Account"} for one in fields]
    return {
        "baseObject": "Account",
        "category": "accounts",
        "deployed": True,
        "description": "Accounts with their KARE profile, its reason and the ICP score.",
        "label": "KARE accounts",
        "sections": {"columns": columns, "masterLabel": "Accounts"},
    }


def _column(name: str, prefix: str) -> str:
    """A column of the report type by a label's name or by that of a standard field."""
    return f"Account${name if name in _STANDARD else named(name, prefix)}"


def _report(report: _Report, prefix: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "columns": [{"field": _column(one, prefix)} for one in report.columns],
        "description": report.description,
    }
    if report.tests:
        told["filter"] = {"criteriaItems": [_criterion(*test, prefix) for test in report.tests]}
    told["format"] = "Matrix" if report.across else "Summary"
    if report.across:
        told["groupingsAcross"] = _grouping(report.across, prefix)
    return told | {
        "groupingsDown": _grouping(report.down, prefix),
        "name": report.title,
        "reportType": f"{_TYPE}__c",
        "scope": "organization",
        "showDetails": len(report.columns) > 1,
        "showGrandTotal": True,
        "showSubTotals": True,
        "timeFrameFilter": {"dateColumn": _column("CreatedDate", prefix), "interval": "INTERVAL_CUSTOM"},
    }


def _criterion(label: str, operator: str, value: str, prefix: str) -> dict[str, Any]:
    return {
        "column": _column(label, prefix),
        "columnToColumn": False,
        "isUnlocked": True,
        "operator": operator,
        "value": value,
    }


def _grouping(name: str, prefix: str) -> dict[str, str]:
    return {"dateGranularity": "Day", "field": _column(name, prefix), "sortOrder": "Asc"}


def _dashboard(prefix: str) -> dict[str, Any]:
    placed = [
        _placed(place, _part(kind, header, report, group, prefix))
        for place, (kind, header, report, group) in enumerate(_PARTS)
    ]
    return {
        "backgroundEndColor": "#FFFFFF",
        "backgroundFadeDirection": "Diagonal",
        "backgroundStartColor": "#FFFFFF",
        "chartTheme": "light",
        "colorPalette": "unity",
        "dashboardGridLayout": {"dashboardGridComponents": placed, "numberOfColumns": 12, "rowHeight": 36},
        "dashboardType": "LoggedInUser",
        "description": "Profiles, risks, changes and overrides, of the accounts that the reader may see.",
        "isGridLayout": True,
        "textColor": "#000000",
        "title": "KARE profiles",
        "titleColor": "#000000",
        "titleSize": 12,
    }


def _placed(place: int, part: dict[str, Any]) -> dict[str, Any]:
    row, column = divmod(place, 2)
    return {
        "colSpan": 6,
        "columnIndex": column * 6,
        "dashboardComponent": part,
        "rowIndex": row * 8,
        "rowSpan": 8,
    }


def _part(kind: str, header: str, report: str, group: str, prefix: str) -> dict[str, Any]:
    across = ["Profile"] if kind == "BarStacked" else []
    return {
        "autoselectColumnsFromReport": False,
        "chartAxisRange": "Auto",
        "chartSummary": {"axisBinding": "y", "column": "RowCount"},
        "componentType": kind,
        "displayUnits": "Integer",
        "drillEnabled": False,
        "drillToDetailEnabled": False,
        "enableHover": True,
        "expandOthers": False,
        "groupingColumn": [_column(one, prefix) for one in (group, *across)],
        "header": header,
        "legendPosition": "Bottom",
        "report": f"{_FOLDER}/{report}",
        "showValues": True,
        "sortBy": "RowLabelAscending",
        "useReportChart": False,
    }
