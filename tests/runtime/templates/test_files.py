import os

import pytest

from runtime.templates.files import LARGEST_FILE, Unreadable, read_text


def test_text_is_read_without_its_byte_order_mark(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: \xc3\xa9t\xc3\xa9")
    assert read_text(path) == "name: été"


def test_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "a.yaml").write_text("x")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    assert read_text(tmp_path / "b.yaml") == "x"


def refused(path) -> str:
    with pytest.raises(Unreadable) as refusal:
        read_text(path)
    return str(refusal.value)


def test_what_is_no_regular_file_is_refused_unopened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert refused(tmp_path / "none") == "there is no such file or folder"
    assert refused(tmp_path) == "it is a directory, not a file"
    assert refused(tmp_path / "pipe") == "it is not a regular file"
    assert refused(tmp_path / "loop").startswith("the file cannot be read: ")
    assert refused(tmp_path / "a\0b") == "that is not a file name"
    assert refused(tmp_path / ("x" * 5000)).startswith("the file cannot be read: ")


def test_a_device_is_refused(tmp_path):
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert refused(tmp_path / "zero") == "it is not a regular file"


def test_a_file_that_is_too_large_is_refused_by_its_size(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    assert refused(path) == "the file is too large: it has 47.7 MiB, and may have at most 5 MiB"
    os.truncate(path, LARGEST_FILE)
    assert len(read_text(path)) == LARGEST_FILE


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path):
    path = tmp_path / "latin"
    path.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(Unreadable, match="not UTF-8") as refusal:
        read_text(path)
    assert refusal.value.line == 2
