"""What a Markdown page shows: its fenced blocks, and why some of them are not run."""

import re
from dataclasses import dataclass

_FENCE = re.compile(
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```\n"
    r"(?:<!-- not run: (?P<reason>[^\n]+?) -->\n|<!-- needs: (?P<tool>\w+) -->\n)?",
    re.MULTILINE | re.DOTALL,
)
COMMANDS = {"sh", "bash", "console"}
SHOWN = {"text", "json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A command of a page, in the order of the page, and what the page says that it prints."""

    line: int
    command: str
    shown: str = ""
    reason: str = ""
    tool: str = ""

    def __str__(self) -> str:
        return f"line-{self.line}"


def blocks(page: str) -> list[Block]:
    """Every command block; a `text` or `json` block right behind one is what it prints."""
    found: list[Block] = []
    end = 0
    for fence in _FENCE.finditer(page):
        behind = not page[end : fence.start()].strip() and bool(found) and not found[-1].shown
        end = fence.end()
        if fence["language"] in COMMANDS:
            found.append(
                Block(
                    line=page[: fence.start()].count("\n") + 1,
                    command=fence["text"],
                    reason=fence["reason"] or "",
                    tool=fence["tool"] or "",
                )
            )
        elif fence["language"] in SHOWN and behind:
            last = found[-1]
            found[-1] = Block(
                line=last.line,
                command=last.command,
                shown=fence["text"],
                reason=last.reason,
                tool=last.tool,
            )
    return found


def matches(shown: str, printed: str) -> bool:
    """Whether the printed text is what is shown, where `...` stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in re.split(r"\.\.\.", shown.strip()))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None
