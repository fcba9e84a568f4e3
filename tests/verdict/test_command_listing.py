"""Files, folders and globs; names that try to break a line or a terminal."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unmask.errors import UsageError
from unmask.verdict.listing import list_files, natural_order, shown_name


@pytest.fixture
def folder(tmp_path):
    for name in ("a10.jpg", "a2.JPG", "clip.mp4", "notes.txt", "phone.heic", ".hidden.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "below" / ".git").mkdir(parents=True)
    (tmp_path / "below" / "b.png").touch()
    (tmp_path / "below" / ".git" / "c.png").touch()
    return tmp_path


def names(listing, folder):
    return [path.relative_to(folder).as_posix() for path in listing.paths]


def test_a_folder_gives_photos_and_clips_in_the_order_of_a_file_manager(folder):
    listing = list_files([str(folder)])
    assert names(listing, folder) == ["a2.JPG", "a10.jpg", "clip.mp4", "below/b.png"]
    assert listing.left_out == {".txt": 1, ".heic": 1}
    (notice,) = listing.notices()
    assert notice.startswith("2 files were left out") and ".heic" in notice


def test_a_photo_without_its_ending_is_found_by_its_content(folder):
    (folder / "download").write_bytes(b"\xff\xd8\xff\xe0")
    assert "download" in names(list_files([str(folder)]), folder)


def test_a_file_named_by_itself_is_taken_whatever_its_ending(folder):
    listing = list_files([str(folder / "notes.txt"), str(folder / ".hidden.jpg")])
    assert names(listing, folder) == ["notes.txt", ".hidden.jpg"]
    assert listing.notices() == []


def test_a_pattern_in_quotes_is_expanded_and_each_file_taken_once(folder):
    given = [str(folder / "*.[jJ]*"), str(folder / "**" / "*.png"), str(folder)]
    listing = list_files(given)
    assert names(listing, folder) == ["a2.JPG", "a10.jpg", "below/b.png", "clip.mp4"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    (folder / "a[1].jpg").touch()
    assert names(list_files([str(folder / "a[1].jpg")]), folder) == ["a[1].jpg"]


def test_what_names_nothing_is_a_usage_error(folder):
    (folder / "empty").mkdir()
    for name, words in (
        ("nowhere.jpg", "There is no file or folder"),
        ("*.nothing", "No file matches"),
        ("empty", "no photo and no clip"),
    ):
        with pytest.raises(UsageError, match=words):
            list_files([str(folder / name)])


def test_a_pipe_in_a_folder_is_not_read_and_one_by_name_is_refused(folder):
    os.mkfifo(folder / "endless.jpg")
    assert "endless.jpg" not in names(list_files([str(folder)]), folder)
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        list_files([str(folder / "endless.jpg")])


def test_a_broken_link_is_kept_to_be_told_as_unreadable(folder):
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    assert "gone.jpg" in names(list_files([str(folder)]), folder)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"plain.jpg", "plain.jpg"),
        ("größe 顔.jpg".encode(), "größe 顔.jpg"),
        (b"a\nb.jpg", "a\\nb.jpg"),
        (b"\x1b[2Jgone.jpg", "\\x1b[2Jgone.jpg"),
        (b"caf\xe9.jpg", "caf\\xe9.jpg"),
        ("gpj.\u202eexe".encode(), "gpj.\\u202eexe"),
    ],
)
def test_names_are_shown_without_what_moves_a_cursor(name, shown):
    assert shown_name(os.fsdecode(name)) == shown


@given(st.binary(min_size=1, max_size=30).filter(lambda name: b"\0" not in name))
def test_every_possible_name_is_shown_as_one_printable_line(name):
    shown = shown_name(os.fsdecode(name))
    assert shown.isprintable() and shown
    shown.encode("utf-8")
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in shown)


@given(st.lists(st.text(alphabet="a10٣²", max_size=5), min_size=2))
def test_any_names_can_be_put_in_order(found):
    keys = sorted(natural_order(name) for name in found)
    assert keys == sorted(keys[::-1])
    assert natural_order("a2b") < natural_order("a10b") < natural_order("b1")


def test_the_folder_that_holds_all_files_is_known(tmp_path):
    for name in ("a/1.jpg", "a/deep/2.jpg", "b/3.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    folder = str(tmp_path / "a")
    assert list_files([folder]).folder == tmp_path / "a"
    assert list_files([folder, f"{folder}/deep"]).folder == tmp_path / "a"
    assert list_files([folder, str(tmp_path / "b")]).folder is None
    assert list_files([f"{folder}/1.jpg"]).folder is None
