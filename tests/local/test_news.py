"""Changes in lines for a person."""

from plait.local.news import all_ready, news, welcome


def process(name: str, state: str = "ready", **more):
    return {
        "name": name,
        "state": state,
        "pid": 7 if state in {"ready", "starting", "unready"} else 0,
        "address": f"http://{name}",
        "note": "",
        "ends": 0,
        "settled": state in {"ready", "failed"},
        **more,
    }


def status(*processes, hints=()):
    return {"project": "shop", "hints": list(hints), "processes": list(processes)}


def words(name: str) -> list[str]:
    return [f"last words of {name}"]


def test_a_new_state_is_a_line():
    before, after = status(process("a", "starting")), status(process("a"))

    assert news(before, after, words) == ["a: ready, pid 7, http://a"]


def test_what_has_not_changed_and_what_only_waits_is_no_news():
    assert news(status(process("a")), status(process("a")), words) == []
    assert news({}, status(process("a", "waiting")), words) == []


def test_the_first_crash_comes_with_its_last_words():
    after = status(process("a", "restarting", ends=1, note="exited with code 1"))

    assert news(status(process("a")), after, words) == [
        "a: restarting (exited with code 1)",
        "  | last words of a",
    ]


def test_further_crashes_are_short_until_the_process_has_failed():
    second = status(process("a", "restarting", ends=2, note="exited with code 1"))
    third = status(process("a", "failed", ends=3, note="exited with code 1"))
    fourth = status(process("a", "failed", ends=4, note="exited with code 1"))

    assert len(news({}, second, words)) == 1
    line, last = news({}, third, words)
    assert "it ended 3 times in a row and is tried again less and less often" in line
    assert last == "  | last words of a"
    assert news({}, fourth, words) == ["a: failed (exited with code 1)"]


def test_all_is_ready_when_each_process_is_and_no_database_is_being_filled():
    assert all_ready(status(process("a"), process("b")))
    assert not all_ready(status(process("a"), process("b", "failed")))
    assert not all_ready(status(process("a", settled=False)))


def test_the_welcome_has_the_addresses_and_lines_to_copy():
    ready = status(
        process("gateway"),
        process("console"),
        hints=["curl '{gateway}/v1' -d '{\"a\": {}}'", "echo {catalog}"],
    )

    assert welcome(ready) == [
        "shop is ready:",
        "  gateway  http://gateway",
        "  console  http://console",
        "Lines to copy:",
        "  curl 'http://gateway/v1' -d '{\"a\": {}}'",
        "  echo {catalog}",
        "  open http://console",
    ]


def test_without_hints_the_welcome_is_the_addresses():
    assert welcome(status(process("a"))) == ["shop is ready:", "  a  http://a"]
