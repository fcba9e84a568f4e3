"""Every leak and shortcut is found where it was planted, and nothing red where none was.

Each test takes a copy of a clean set (drawn in the test, and cut from two real datasets where they
are at hand), plants one fault and looks for the light of its finding.
"""

from __future__ import annotations

import shutil
from functools import partial

import pytest
from faults import (
    COPIED,
    audit,
    break_fakes,
    brighter,
    change_fakes,
    copy_across,
    copy_bytes,
    copy_with_other_label,
    cropped,
    lighter,
    lights,
    manifest_of,
    near_copy_with_other_label,
    padded,
    reds,
    rename_fakes,
    resized,
    save,
    turned,
    with_exif,
    with_profile,
)
from PIL import Image
from unmask.audit.summary import scope_of, verdict_of

MIRROR = Image.Transpose.FLIP_LEFT_RIGHT
QUARTER = Image.Transpose.ROTATE_90
COPIES = {
    "the same bytes": ("exact_copies", copy_bytes),
    "the same pixels as PNG": (
        "exact_copies",
        partial(copy_across, change=lambda i: i, ending=".png"),
    ),
    "encoded again": ("near_copies", partial(copy_across, change=lambda i: i, quality=50)),
    "half the size": ("near_copies", partial(copy_across, change=partial(resized, factor=0.5))),
    "twice the size": ("near_copies", partial(copy_across, change=partial(resized, factor=2))),
    "mirrored": ("near_copies", partial(copy_across, change=turned(MIRROR))),
    "a quarter turn": ("near_copies", partial(copy_across, change=turned(QUARTER))),
    "cropped by 5%": ("near_copies", partial(copy_across, change=cropped)),
    "brighter": ("near_copies", partial(copy_across, change=brighter)),
}
# What is amber in the clean sets: nothing but what their pictures are.
AMBERS: dict[str, set[str]] = {
    "drawn": set(),
    "faces_140k": {"picture_thumbnail", "picture_residuals"},
    "faces_dfdc": {"picture_colour", "picture_spectrum"},
}
OF_JPEG = ("progressive", "subsampling", "quantisation")
# The last item names what else may turn red, because the fault changes it too.
SHORTCUTS = {
    "quality": ("quantisation", lambda i, p: save(i, p, quality=70), {"bytes"}),
    "bytes behind the end": ("bytes", padded, set()),
    "size": ("size", lambda i, p: save(resized(i, 1.25), p), {"bytes"}),
    "format": ("format", lambda i, p: save(i, p, ".png"), {"bytes", *OF_JPEG}),
    "progressive": ("progressive", lambda i, p: save(i, p, progressive=True), {"bytes"}),
    "chroma subsampling": ("subsampling", lambda i, p: save(i, p, subsampling=0), {"bytes"}),
    "EXIF": ("exif", with_exif, {"bytes"}),
    "colour profile": ("colour_profile", with_profile, {"bytes"}),
}  # fmt: skip


def test_a_clean_set_has_no_red_light_and_only_known_ambers(clean, request):
    found = audit(clean)
    assert reds(found) == set()
    assert found.exit_code == 0
    assert len(found.findings) == 23
    ambers = {key for key, light in lights(found).items() if light == "amber"}
    assert ambers == AMBERS[request.node.callspec.params["clean"]]
    assert not [each.key for each in found.findings if each.light == "green" and each.fix]


@pytest.mark.parametrize("fault", COPIES)
def test_a_copy_across_the_official_splits(spoiled, fault):
    key, plant = COPIES[fault]
    plant(spoiled)
    found = audit(spoiled)
    assert reds(found) == {key}
    finding = next(each for each in found.findings if each.key == key)
    # One light crop in ten may look like an edited picture; dataset.near_copies measures it.
    assert finding.numbers["across"] >= COPIED - (fault == "cropped by 5%")
    assert all("test/real/555" in row["first"] + row["second"] for row in finding.evidence)
    assert finding.fix


def test_a_person_on_two_sides(spoiled):
    def person(path, label):
        return "somebody" if path.stem in chosen else path.stem

    chosen = {next((spoiled / split / "real").iterdir()).stem for split in ("train", "test")}
    found = audit(manifest_of(spoiled, group=person))
    assert reds(found) == {"groups"}
    finding = next(each for each in found.findings if each.key == "groups")
    assert finding.evidence[0] == {"group": "somebody", "splits": "test, train", "files": 2}


def test_pictures_that_stand_in_another_dataset_too(clean, clean_sets, request, tmp_path):
    other = tmp_path / "other"
    for label in ("real", "fake"):
        (other / label).mkdir(parents=True)
        for path in sorted((clean / "train" / label).iterdir())[:3]:
            with Image.open(path) as image:
                save(image, other / label / path.stem, quality=60)
    found = audit(clean, against={"other": _files(other)})
    finding = next(each for each in found.findings if each.key == "overlap_other")
    assert (finding.light, finding.numbers["shared"]) == ("red", 6)
    assert reds(found) == {"overlap_other"}


@pytest.mark.parametrize("fault", SHORTCUTS)
def test_a_file_shortcut(spoiled, fault):
    key, plant, besides = SHORTCUTS[fault]
    change_fakes(spoiled, plant)
    found = audit(spoiled)
    wanted = f"file_{key}"
    assert wanted in reds(found)
    assert reds(found) <= {wanted, *(f"file_{each}" for each in besides)}
    finding = next(each for each in found.findings if each.key == wanted)
    assert finding.numbers["low"] > 0.55
    assert finding.fix and finding.evidence


def test_names_that_tell_the_class(spoiled):
    rename_fakes(spoiled)
    assert reds(audit(spoiled)) == {"file_names"}


def test_brightness_is_amber_at_most(spoiled):
    change_fakes(spoiled, lighter)
    found = audit(spoiled)
    assert lights(found)["picture_colour"] == "amber"
    assert reds(found) <= {"file_bytes"}


def test_bytes_that_no_picture_explains_are_said_to_be_storage(drawn):
    change_fakes(drawn, padded)
    finding = next(each for each in audit(drawn).findings if each.key == "file_bytes")
    assert "were stored differently" in finding.sentence


@pytest.mark.parametrize("plant", [copy_with_other_label, near_copy_with_other_label])
def test_one_picture_with_two_labels(spoiled, plant):
    plant(spoiled)
    found = audit(spoiled)
    assert reds(found) == {"contradictions"}
    finding = next(each for each in found.findings if each.key == "contradictions")
    assert finding.numbers["pairs"] == 1


def test_a_label_against_its_folder(spoiled):
    wrong = {path.stem for path in sorted((spoiled / "train" / "fake").iterdir())[:3]}
    csv = manifest_of(spoiled, label=lambda path, word: "real" if path.stem in wrong else word)
    found = audit(csv)
    finding = next(each for each in found.findings if each.key == "folders")
    assert (finding.light, finding.numbers["contradicting"]) == ("red", 3)


def test_small_pictures_keep_their_file_facts(drawn):
    for path in sorted(drawn.glob("*/*/*.jpg")):
        with Image.open(path) as image:
            save(image.resize((15, 15)), path.with_suffix(""))
    change_fakes(drawn, lambda image, stem: save(image, stem, quality=60))
    found = audit(drawn)
    assert len(found.facts) == 108
    assert lights(found)["file_quantisation"] == "red"
    finding = next(each for each in found.findings if each.key == "picture_colour")
    assert finding.light == "not checked"
    assert finding.sentence.endswith("108 more give no picture of 16 pixels a side or more.")
    assert "of 23 checks could not be made" in verdict_of(found.findings)
    assert "108 of the sample are below 16 pixels" in scope_of(found)


def test_a_split_without_a_class(spoiled):
    shutil.rmtree(spoiled / "test" / "fake")
    assert reds(audit(spoiled)) == {"classes"}


def test_broken_files_of_one_class(spoiled):
    break_fakes(spoiled)
    found = audit(spoiled)
    finding = next(each for each in found.findings if each.key == "failures")
    assert finding.light == "red"
    assert (finding.numbers["real"], finding.numbers["fake"]) == (0, 14)
    assert reds(found) == {"failures"}


def _files(root):
    from unmask.sources.files_table import build_files_table
    from unmask.sources.folder import list_source

    return build_files_table(list_source(root), dataset=root.name, jobs=2)
