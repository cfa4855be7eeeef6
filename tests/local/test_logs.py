"""Reading logs from their ends, together and as they grow."""

import json

import pytest

from plait.local import logs as module
from plait.local.logs import LIMIT, Follower, lines, merged, rotate, tail


def entry(time: str, message: str) -> str:
    return json.dumps({"time": time, "message": message})


@pytest.mark.parametrize(("size", "rotated"), [(9, False), (10, True), (11, True)])
def test_a_log_that_is_full_makes_room(tmp_path, size, rotated):
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * size)

    rotate(log, limit=10)

    assert log.exists() is not rotated
    assert (tmp_path / "a.log.1").exists() is rotated


def test_only_one_old_log_is_kept(tmp_path):
    log = tmp_path / "a.log"
    for content in ("first", "second"):
        log.write_text(content)
        rotate(log, limit=1)

    assert [path.name for path in tmp_path.iterdir()] == ["a.log.1"]
    assert (tmp_path / "a.log.1").read_text() == "second"


def test_a_log_that_is_not_there_needs_no_room(tmp_path):
    rotate(tmp_path / "a.log")

    assert LIMIT == 5 * 1024 * 1024


@pytest.mark.parametrize(
    ("count", "found"),
    [(0, []), (1, ["four"]), (3, ["two", "three", "four"]), (9, ["one", "two", "three", "four"])],
)
def test_the_tail_is_the_last_lines(tmp_path, monkeypatch, count, found):
    monkeypatch.setattr(module, "_CHUNK", 3)  # smaller than a line
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\nthree\nfour\n")

    assert tail(log, count) == found


def test_the_tail_of_an_unfinished_line_has_it(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\ntw")

    assert tail(log, 1) == ["tw"]


def test_the_tail_of_nothing_is_nothing(tmp_path):
    assert tail(tmp_path / "a.log", 5) == []


def test_logs_are_merged_by_time():
    first = lines("a", [entry("2026-01-01T00:00:01Z", "1"), entry("2026-01-01T00:00:03Z", "3")])
    second = lines("b", [entry("2026-01-01T00:00:02+00:00", "2")])

    assert [line.values["message"] for line in merged([first, second])] == ["1", "2", "3"]


def test_a_line_without_a_time_stays_behind_the_one_before():
    first = lines("a", [entry("2026-01-01T00:00:01Z", "1"), "Traceback", "  in x"])
    second = lines("b", [entry("2026-01-01T00:00:02Z", "2")])

    texts = [line.text for line in merged([second, first])]

    assert texts[1:3] == ["Traceback", "  in x"]


def test_the_order_of_a_log_holds_when_its_clock_goes_back():
    found = lines("a", [entry("2026-01-01T00:00:09Z", "1"), entry("2026-01-01T00:00:01Z", "2")])

    assert [line.values["message"] for line in merged([found])] == ["1", "2"]


@pytest.mark.parametrize(
    "text", ["plain", "{broken", "[1]", '{"time": 3}', '{"time": "noon"}', '{"message": "m"}']
)
def test_a_line_that_says_no_time_is_no_error(text):
    (line,) = lines("a", [text])

    assert line.text == text
    assert isinstance(line.values, dict)


def test_a_time_without_a_zone_is_utc():
    (line,) = lines("a", ['{"timestamp": "2026-01-01T00:00:01"}'])

    assert line.time.isoformat() == "2026-01-01T00:00:01+00:00"


def test_a_follower_sees_complete_lines_that_come(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("old\n")
    follower = Follower("a", log)

    with log.open("a") as file:
        file.write("new\nhal")
        file.flush()
        assert [line.text for line in follower.new()] == ["new"]
        file.write("f\n")
        file.flush()
        assert [line.text for line in follower.new()] == ["half"]
    assert follower.new() == []


def test_a_follower_may_begin_at_the_start_of_a_log(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("old\n")

    assert [line.text for line in Follower("a", log, from_start=True).new()] == ["old"]


def test_a_follower_goes_on_in_the_log_that_replaced_its_own(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(entry("2026-01-01T00:00:01Z", "old") + "\n")
    follower = Follower("a", log)

    rotate(log, limit=1)
    assert follower.new() == []
    log.write_text("new\n")

    assert [line.text for line in follower.new()] == ["new"]
