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


def test_every_version_of_python_hashes_code_alike():
    """3.12 gives functions type_params and a format an empty text; 3.13 leaves out empty fields."""
    ast, plain = fingerprint.ast, fingerprint._plain_tree
    tree = ast.parse("def f(a=None): return f'{a:<{a}}' + ''")
    other = ast.parse("def f(a=None): return f'{a:<{a}}' + ''")
    function = other.body[0]
    function.type_params, function.returns = [], None
    function.body[0].value.left.values[0].format_spec.values.append(ast.Constant(""))
    del other.type_ignores, function.decorator_list, function.args.kwonlyargs
    assert plain(tree) == plain(other)
    for changed in ("def f(a=0): return f'{a:<{a}}' + ''", "def f(a=None): return f'{a:<{a}}'"):
        assert plain(ast.parse(changed)) != plain(tree)


def test_a_portable_key_knows_nothing_of_versions(monkeypatch):
    from unmask.suite.profiles import load_profile

    step = load_profile("smoke").step("baseline_cnn")
    keys = [fingerprint.step_key(step, {}), fingerprint.portable_key(step, {})]
    monkeypatch.setattr(fingerprint, "versions", lambda: {"python": "3.99"})
    assert fingerprint.step_key(step, {}) != keys[0]
    assert fingerprint.portable_key(step, {}) == keys[1]
    assert fingerprint.portable_key(step, {"preprocess": "other"}) != keys[1]
    work = fingerprint.work_key(step, {}, portable=True)
    monkeypatch.undo()
    assert fingerprint.work_key(step, {}, portable=True) == work != fingerprint.work_key(step, {})


def test_the_suite_that_notebooks_begin_with_counts_for_nothing():
    begun = ["from unmask.suite.alone import begin\nbegin()", "from unmask import runs"]
    assert fingerprint.library_digest(begun) == fingerprint.library_digest(begun[1:])


def test_notebook_magics_do_not_break_the_reading():
    assert fingerprint.library_digest(["%matplotlib inline\n!ls\nimport unmask"])


def test_suite_never_imports_tensorflow():
    code = (
        "import sys, unmask.suite.command_line, unmask.suite.runner, unmask.suite.html;"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_notebooks_are_read_without_a_grammar_of_web_addresses():
    code = "import sys, unmask.suite.step_process, nbformat; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_only_measures_or_parallelises_costs_no_training():
    from dataclasses import replace

    from unmask.suite.profiles import load_profile

    step = load_profile("smoke").step("baseline_cnn")

    def changed(**values):
        return replace(step, values={**step.values, **values})

    work = fingerprint.work_key(step, {})
    assert fingerprint.work_key(changed(resamples=7, threshold_rule="half"), {}) == work
    assert fingerprint.work_key(changed(learning_rate=0.5), {}) != work
    assert fingerprint.step_key(changed(resamples=7), {}) != fingerprint.step_key(step, {})
    assert fingerprint.step_key(changed(jobs=9), {}) == fingerprint.step_key(step, {})


def test_another_floor_beside_a_training_costs_no_training_but_draws_its_page_again():
    from unmask.suite.profiles import load_profile

    step = load_profile("smoke").step("baseline_cnn")
    one, other = ({"preprocess": "same", "audit": digest} for digest in ("a", "b"))
    assert fingerprint.work_key(step, one) == fingerprint.work_key(step, other)
    assert fingerprint.step_key(step, one) != fingerprint.step_key(step, other)
    changed_faces = {**one, "preprocess": "other"}
    assert fingerprint.work_key(step, one) != fingerprint.work_key(step, changed_faces)


def test_another_change_of_an_ablation_keeps_the_trainings_of_the_others():
    from dataclasses import replace

    from unmask.suite.profiles import load_profile

    step = load_profile("smoke").step("ablation")
    one_more = {**step.values["changes"], "another": {"options": {"side": 4}}}
    for values in ({"changes": one_more}, {"joined": {"both": []}}, {"quality": 50}):
        changed = replace(step, values={**step.values, **values})
        assert fingerprint.work_key(changed, {}) == fingerprint.work_key(step, {})
        assert fingerprint.step_key(changed, {}) != fingerprint.step_key(step, {})
    other = replace(step, values={**step.values, "recipe": {"network": "lenet"}})
    assert fingerprint.work_key(other, {}) != fingerprint.work_key(step, {})


def test_versions_of_engines_count_where_an_engine_is_called():
    engines = {"openvino", "onnxruntime"}
    assert engines <= set(fingerprint.versions())
    assert engines <= set(fingerprint.versions_used(["import unmask.engines"]))
    assert not engines & set(fingerprint.versions_used(["import unmask.training.fit"]))
    assert "missing" not in fingerprint.versions().values()


def test_another_version_of_an_engine_costs_no_training(monkeypatch):
    from unmask.suite.profiles import load_profile

    step = load_profile("smoke").step("baseline_cnn")
    key = fingerprint.step_key(step, {})
    engines = dict.fromkeys(fingerprint.ENGINE_PACKAGES, "another")
    versions = {**fingerprint.versions(), **engines}
    monkeypatch.setattr(fingerprint, "versions", lambda: versions)
    assert fingerprint.step_key(step, {}) == key
    versions["keras"] = "another"
    assert fingerprint.step_key(step, {}) != key
