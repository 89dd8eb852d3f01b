"""Files are whole or absent, and names follow content."""

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from choreograft.errors import OutputError
from choreograft.files import (
    PARTIAL,
    atomic_path,
    check_place,
    check_writable,
    content_hash,
    fit_name,
    remove_partial,
    text_hash,
    write_json,
)


def write_and_fail(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half of it")
        raise KeyError("interrupted")


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "result.npz"
    with atomic_path(path) as temporary:
        temporary.write_text("all of it")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.suffix == ".npz"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.npz"]
    assert path.read_text() == "all of it"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(KeyError, match="interrupted"):
        write_and_fail(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.txt"]
    assert path.read_text() == "old"


def test_missing_folders_are_made(tmp_path):
    with atomic_path(tmp_path / "a" / "b" / "c.txt") as temporary:
        temporary.write_text("c")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "c"


@pytest.mark.skipif(os.name != "posix", reason="permissions are of POSIX")
def test_results_get_the_permissions_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_path(tmp_path / "result.txt") as temporary:
            temporary.write_text("shared with the group")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "result.txt").stat().st_mode) == 0o640


def test_a_place_that_cannot_be_written_is_named_in_one_line(tmp_path):
    blocker = tmp_path / "file"
    blocker.touch()
    with pytest.raises(OutputError, match=r"cannot write .*out\.mp4: .*; choose a folder") as caught:
        check_writable(blocker / "out.mp4")
    assert "\n" not in str(caught.value)
    with pytest.raises(OutputError, match="is a folder; expected the name of a file"):
        check_writable(tmp_path)


def test_checking_leaves_no_trace(tmp_path):
    check_writable(tmp_path / "out.mp4")
    check_place(tmp_path / "new" / ".." / "newer" / "out.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x" * 256, f"{'x' * 256}/out.mp4", "new/" + "é" * 128, "dangling/out.mp4"])
def test_the_very_name_and_those_of_missing_folders_are_tried(tmp_path, name):
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match=r"^cannot write .*; choose a ") as caught:
        check_place(tmp_path / name)
    assert ("too long; choose a shorter name" in str(caught.value)) == (not name.startswith("dangling"))
    assert [path.name for path in tmp_path.iterdir()] == ["dangling"]


@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125, "💃" * 62 + "\udcff", "a 100% \"b\" 'c'. . ."])
def test_a_file_of_the_longest_name_is_written(tmp_path, stem):
    path = tmp_path / f"{stem}.mp4"
    with atomic_path(path) as temporary:
        assert temporary.suffix == ".mp4"
        temporary.write_text("whole")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("present", [True, False])
def test_a_link_stays_and_what_it_points_to_is_written(tmp_path, present):
    place, link, further = tmp_path / "disk" / "new.dat", tmp_path / "out.mp4", tmp_path / "way"
    if present:
        place.parent.mkdir()
        place.write_text("old")
    further.symlink_to(place.relative_to(tmp_path))
    link.symlink_to(further)
    check_place(link)
    assert place.exists() == present
    with pytest.raises(KeyError):
        write_and_fail(link)
    assert place.exists() == present
    with atomic_path(link) as temporary:
        assert (temporary.parent, temporary.suffix) == (place.parent, ".mp4")
        temporary.write_text("whole")
    assert link.readlink() == further
    assert (place.read_text(), link.read_text()) == ("whole", "whole")
    assert [path.name for path in place.parent.iterdir()] == ["new.dat"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "out.mp4", "way"]


def test_a_link_to_a_folder_or_to_where_nothing_can_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").symlink_to(tmp_path)
    (tmp_path / "out.mp4").symlink_to(tmp_path / "file" / "out.mp4")
    with pytest.raises(OutputError, match=r"folder\.mp4 is a folder"):
        check_place(tmp_path / "folder.mp4")
    with pytest.raises(OutputError, match=r"cannot write .*/out\.mp4"):
        check_place(tmp_path / "out.mp4")


NO_TEXT = os.fsdecode(b"\xff")


@pytest.mark.parametrize("character", ["x", "é", "日", "💃", NO_TEXT], ids=ascii)
def test_names_of_ours_are_cut_only_where_they_must_and_stay_apart(tmp_path, character):
    ending = "-0123abcd.npz"
    width = len(os.fsencode(character))
    room = (255 - len(ending)) // width
    if character != NO_TEXT:
        assert fit_name(character * room, ending) == character * room + ending
    first, second = (fit_name(character * room + end, ending) for end in ("abcdefgh", "abcdefgi"))
    assert first != second
    for name in (first, second):
        assert name.endswith(ending)
        assert len(os.fsencode(name)) <= 255
        name.encode()
        if character != NO_TEXT:
            assert name.startswith(character * ((255 - len(ending) - 9) // width))
        (tmp_path / name).touch()


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / f"{PARTIAL}file.mp4").touch()
    (tmp_path / f"{PARTIAL}room" / "new").mkdir(parents=True)
    (tmp_path / "kept").touch()
    remove_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_name_that_is_no_text_survives_in_json(tmp_path):
    path = Path(os.fsdecode(b"caf\xe9.mp4"))
    write_json(tmp_path / "summary.json", {"path": path})
    assert Path(json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["path"]) == path


def test_json_is_readable_text_and_survives_a_round_trip(tmp_path):
    write_json(tmp_path / "summary.json", {"name": "Zoë", "where": Path("a/b"), "steps": [1, 2.5]})
    text = (tmp_path / "summary.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "Zoë", "where": "a/b", "steps": [1, 2.5]}
    assert "Zoë" in text
    assert text.endswith("}\n")


def test_the_content_hash_is_sha256_of_the_bytes(tmp_path):
    path = tmp_path / "clip.bin"
    path.write_bytes(b"abc")
    # the test vector of FIPS 180-2
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert content_hash(path) == expected == hashlib.sha256(b"abc").hexdigest()
    assert content_hash(path, digits=12) == expected[:12]


def test_the_hash_of_a_folder_covers_its_pictures_their_names_and_nothing_else(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in ("1.png", "2.JPG"):
        (folder / name).write_bytes(name.encode())
    first = content_hash(folder)
    expected = hashlib.sha256()
    for name in ("1.png", "2.JPG"):
        expected.update(name.encode() + b"\0" + hashlib.sha256(name.encode()).hexdigest().encode())
    assert first == expected.hexdigest()
    (folder / "notes.txt").write_text("not a picture")
    (folder / "._1.png").write_text("what some systems leave beside a picture")
    (folder / "inner.png").mkdir()
    assert content_hash(folder) == first
    (folder / "2.JPG").write_bytes(b"changed")
    changed = content_hash(folder)
    (folder / "2.JPG").rename(folder / "3.JPG")
    (folder / "4.png").touch()
    assert len({first, changed, content_hash(folder)}) == 3
    assert content_hash(folder, digits=12) == content_hash(folder)[:12]


def test_the_hash_of_options_ignores_their_order_and_sees_their_values():
    assert text_hash({"a": 1, "b": [2]}) == text_hash({"b": [2], "a": 1})
    assert text_hash({"a": 1}) != text_hash({"a": 2})
    assert len(text_hash({"a": 1}, digits=10)) == 10
