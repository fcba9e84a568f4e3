import subprocess
import sys

from unmask.suite import fingerprint


def test_only_imported_rooms_count():
    errors_alone = fingerprint.library_digest(["from unmask.errors import DataError"])
    assert errors_alone == fingerprint.library_digest(["import unmask.errors", "x = 1"])
    assert errors_alone != fingerprint.library_digest(["from unmask import runs"])


def test_relative_and_nested_imports_are_followed():
    files = fingerprint._imported_files(
        fingerprint.ast.parse("from .profiles import Step\nfrom ..runs import resolve"),
        "unmask.suite",
    )
    names = {str(path.relative_to(fingerprint.PACKAGE_FOLDER)) for path in files}
    assert {"suite/profiles.py", "runs.py"} <= names


def test_notebook_magics_do_not_break_the_reading():
    assert fingerprint.library_digest(["%matplotlib inline\n!ls\nimport unmask"])


def test_suite_never_imports_tensorflow():
    code = (
        "import sys, unmask.suite.command_line, unmask.suite.runner, unmask.suite.html;"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
