"""The arrows of docs/architecture.md: which room may import which."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "lib" / "unmask"
ALLOWED = {
    "session": {"session", "runs", "errors"},
    "media": {"media", "session", "runs", "errors"},
    "sources": {"sources", "media", "session", "runs", "errors"},
    "dataset": {"dataset", "sources", "media", "runs", "errors"},
    "detectors": {"detectors", "session", "runs", "errors"},
    "training": {"training", "detectors", "dataset", "session", "runs", "errors"},
    "engines": {"engines", "training", "detectors", "session", "runs", "errors"},
    "evaluation": {"evaluation", "runs", "errors"},
    "audit": {"audit", "dataset", "sources", "media", "evaluation", "tell", "runs", "errors"},
    "lessons": {"lessons", "training", "detectors", "evaluation", "runs", "errors"},
    "suite": {"suite", "audit", "sources", "session", "parser", "runs", "errors"},
    "kaggle": {"kaggle", "suite", "sources", "session", "parser", "runs", "errors"},
    "evidence": {"evidence", "media", "runs", "errors"},
    "verdict": {
        *("verdict", "media", "sources", "dataset", "detectors", "training", "engines"),
        *("evaluation", "evidence", "parser", "tell", "runs", "errors"),
    },
    "web": {"web", "verdict", "media", "parser", "runs", "errors"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def rooms_imported(path: Path) -> set[str]:
    package = ("unmask", *path.parent.relative_to(PACKAGE).parts)
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = list(package[: len(package) - node.level + 1]) if node.level else []
            base = above + (node.module.split(".") if node.module else [])
            names = [base] if len(base) > 1 else [[*base, alias.name] for alias in node.names]
        rooms |= {name[1] for name in names if name[0] == "unmask" and len(name) > 1}
    return {
        room for room in rooms if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").exists()
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room = path.relative_to(PACKAGE).parts[0]
    if room in ALLOWED:
        assert rooms_imported(path) <= ALLOWED[room]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_readable(path):
    assert len(path.read_text().splitlines()) <= 350


def test_no_two_test_files_have_one_name():
    # pytest would import one in place of the other.
    names = [path.name for path in Path(__file__).resolve().parents[1].rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
