"""The house rules, as far as a machine can check them: sizes, packaging, typing marks, ties between code and docs."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from statistics import median

import crm_kare.errors as errors_module

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = ("src", "connectors", "mappings")
PACKAGES = (
    "src/crm_kare",
    "connectors/crm_kare_salesforce",
    "connectors/crm_kare_hubspot",
    "connectors/crm_kare_files",
    "mappings/crm_kare_mappings",
)


def _sources() -> list[Path]:
    return sorted(path for root in SOURCE_ROOTS for path in (ROOT / root).rglob("*.py"))


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
                (node.end_lineno or node.lineno) - node.lineno + 1,
            )


def test_files_keep_their_size() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in _sources()}
    assert {name: count for name, count in lines.items() if count > 450} == {}
    assert median(count for count in lines.values() if count > 5) <= 170


def test_functions_keep_their_size() -> None:
    sizes = [found for path in _sources() for found in _functions(path)]
    assert [name for name, size in sizes if size > 60] == []
    assert median(size for _, size in sizes) <= 8


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "helpers", "manager", "base", "common", "misc"}
    assert [path for path in _sources() if path.stem in empty] == []


def test_every_package_is_marked_as_typed() -> None:
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").is_file()] == []


def test_entry_points_folders_and_installation_name_the_same_connectors() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"][
        "crm_kare.connectors"
    ]
    installed = {point.name for point in entry_points(group="crm_kare.connectors")}
    folders = {path.name.removeprefix("crm_kare_") for path in (ROOT / "connectors").iterdir() if path.is_dir()}
    assert set(declared) == installed == folders


def test_a_broad_except_stands_only_at_the_doors() -> None:
    doors = {"cli", "daemon"}
    broad = [
        path
        for path in _sources()
        if "except Exception" in path.read_text(encoding="utf-8") and not doors & set(path.relative_to(ROOT).parts)
    ]
    assert broad == []


def test_nothing_below_the_doors_reads_clock_or_environment() -> None:
    allowed = {"src/crm_kare/clock.py"}
    words = ("os.environ", "datetime.now(", "date.today(", "time.time(", "time.sleep(", "random.random(")
    found = [
        (str(path.relative_to(ROOT)), word)
        for path in _sources()
        for word in words
        if word in path.read_text(encoding="utf-8")
        and "cli" not in path.parts
        and str(path.relative_to(ROOT)) not in allowed
    ]
    assert found == []


def test_every_error_has_its_exit_code_in_the_docs() -> None:
    told = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    codes = {
        kind.exit_code
        for kind in vars(errors_module).values()
        if isinstance(kind, type) and issubclass(kind, errors_module.KareError)
    }
    assert [code for code in sorted(codes) if f"| {code} |" not in told and f"| {code} " not in told] == []


def test_the_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert [target for target in targets if not target.startswith("http") and not (ROOT / target).exists()] == []


def test_the_wheel_holds_our_packages_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"crm_kare", "crm_kare_salesforce", "crm_kare_hubspot", "crm_kare_files", "crm_kare_mappings"}
    for needed in ("crm_kare_mappings/salesforce.yaml", "crm_kare_mappings/playbooks/keep.md", "crm_kare/py.typed"):
        assert needed in names
    assert [name for name in names if name.endswith((".env", ".pyc"))] == []
