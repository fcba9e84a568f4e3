"""CSV manifests as spreadsheets write them, and the messages for those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from unmask.errors import UsageError
from unmask.sources.folder import list_source


@pytest.fixture
def faces(tmp_path) -> Path:
    for number in range(6):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    return tmp_path


def rows(folder: Path, text: str | bytes) -> list[tuple]:
    path = folder / "faces.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return [(Path(path).name, *rest) for path, *rest in list_source(path).itertuples(index=False)]


def message(folder: Path, text: str | bytes) -> str:
    with pytest.raises(UsageError) as caught:
        rows(folder, text)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_smallest_manifest(faces):
    assert rows(faces, "path,label\n1.jpg,fake\n0.jpg,real\n") == [
        ("0.jpg", 0, "", "real", ""),
        ("1.jpg", 1, "", "fake", ""),
    ]


def test_all_columns_in_any_case_and_order(faces):
    text = (
        "Identity,LABEL,Path,extra,Split,Generator\n"
        "anna,0,0.jpg,?,Train,camera\n"
        'bo,1,1.jpg,"a, b",valid,StyleGAN\n'
        "\n"
        ",Deepfake,2.jpg,?,,\n"
    )
    assert rows(faces, text) == [
        ("0.jpg", 0, "train", "real", "anna"),
        ("1.jpg", 1, "val", "StyleGAN", "bo"),
        ("2.jpg", 1, "", "fake", ""),
    ]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_as_spreadsheets_write_it(faces, separator):
    text = f"path{separator}label\r\n0.jpg{separator}Real\r\n1.jpg{separator}FAKE\r\n"
    expected = [("0.jpg", 0, "", "real", ""), ("1.jpg", 1, "", "fake", "")]
    assert rows(faces, b"\xef\xbb\xbf" + text.encode()) == expected


def test_absolute_paths_and_paths_above_the_csv(faces):
    inner = faces / "lists"
    inner.mkdir()
    text = f"path,label\n{faces}/0.jpg,real\n../1.jpg,fake\n"
    assert [row[0] for row in rows(inner, text)] == ["0.jpg", "1.jpg"]


def test_unknown_labels_are_named_up_to_five(faces):
    text = "path,label\n" + "".join(f"{n}.jpg,{label}\n" for n, label in enumerate("abcdef"))
    found = message(faces, text + "0.jpg,real\n")
    assert (
        "'a' in line 2, 'b' in line 3, 'c' in line 4, 'd' in line 5, 'e' in line 6 and 1 more"
        in found
    )
    assert "'2' in line 3" in message(faces, "path,label\n0.jpg,0\n1.jpg,2\n")
    assert "'' in line 2" in message(faces, "path,label\n0.jpg,\n1.jpg,1\n")


def test_unknown_splits_are_named(faces):
    text = "path,label,split\n0.jpg,real,train\n1.jpg,fake,trian\n"
    assert "splits that are not known: 'trian' in line 3" in message(faces, text)


def test_missing_files_are_counted_and_named(faces):
    text = "path,label\n0.jpg,real\n" + "".join(f"no{n}.jpg,fake\n" for n in range(7))
    found = message(faces, text)
    assert "7 of 8 files" in found
    assert "no0.jpg, no1.jpg, no2.jpg, no3.jpg, no4.jpg, …" in found


def test_other_bad_manifests_each_have_their_message(faces):
    assert "no column label" in message(faces, "path,lable\n0.jpg,real\n")
    assert "Did you mean 'lable'?" in message(faces, "path,lable\n0.jpg,real\n")
    assert "no column path" in message(faces, "")
    assert "has no rows" in message(faces, "path,label\n")
    assert "rows without a path" in message(faces, "path,label\n,real\n")
    assert "not UTF-8" in message(faces, "path,label\n0.jpg,réal\n".encode("latin-1"))
    assert "not UTF-8" in message(faces, "path,label\n0.jpg,real\n".encode("utf-16"))
    assert "one class only (fake, 2" in message(faces, "path,label\n0.jpg,fake\n1.jpg,fake\n")
    assert "not a CSV" in message(faces, 'path,label\n"' + "0.jpg,real\n" * 20_000)
    with pytest.raises(UsageError, match="cannot be read"):
        list_source(faces / "missing.csv")


def test_a_manifest_that_counts_1_as_real_is_caught(tmp_path):
    names = [f"test/{kind}/{n}.jpg" for kind in ("real", "fake") for n in range(3)]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    upside_down = "path,label\n" + "".join(f"{n},{int('real' in n)}\n" for n in names)
    assert "contradict its folders in 6 rows" in message(tmp_path, upside_down)
    upright = "path,label\n" + "".join(f"{n},{int('fake' in n)}\n" for n in names)
    assert [row[1] for row in rows(tmp_path, upright)] == [1, 1, 1, 0, 0, 0]
