"""One table of plait.toml, read key by key; what is missing, wrong or unknown is a Mistake."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard, TypeVar, cast

from plait.local.mistake import USAGE, Mistake
from plait.local.project import nearest, port_variable

_Item = TypeVar("_Item")


class Table:
    """One table of the file, of which every key must be asked for before it ends."""

    def __init__(self, file: Path, where: str, values: Mapping[str, Any]) -> None:
        self._file = file
        self._where = where
        self._values = values
        self._asked: list[str] = []

    def has(self, key: str) -> bool:
        self._asked.append(key)
        return key in self._values

    def wrong(self, key: str, expected: str, found: str) -> Mistake:
        return Mistake(
            f"{self._file}: {self._path(key)} must be {expected}, found {found}", code=USAGE
        )

    def text(self, key: str, default: str | None = None) -> str:
        if not self.has(key):
            if default is None:
                raise self.wrong(key, "a text", "nothing: add it")
            return default
        value = self._values[key]
        if not isinstance(value, str) or (not value and default is None):
            raise self.wrong(key, "a text", _shown(value))
        return value

    def module(self, key: str, default: str | None = None) -> str:
        name = self.text(key, default)
        if name and not all(part.isidentifier() for part in name.split(".")):
            raise self.wrong(key, "the name of a module (`services.catalog.main`)", repr(name))
        return name

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self._list(key, str, "a list of texts"))

    def strings(self, key: str) -> Mapping[str, str]:
        if not self.has(key):
            return {}
        value = self._values[key]
        if not isinstance(value, dict):
            raise self.wrong(key, "a table of texts", _shown(value))
        table = cast("dict[str, Any]", value)
        for name, text in table.items():
            if not isinstance(text, str):
                raise self.wrong(f"{key}.{name}", "a text", _shown(text))
        return table

    def port(self, key: str, process: str, environ: Mapping[str, str]) -> int:
        declared = self._values.get(key)
        if not self.has(key):
            raise self.wrong(key, "a port from 1 to 65535", "nothing: add it")
        if not _is_port(declared):
            raise self.wrong(key, "a port from 1 to 65535", _shown(declared))
        variable = port_variable(process)
        moved = environ.get(variable, "")
        if not moved:
            return cast("int", declared)
        if not moved.isdecimal() or not _is_port(int(moved)):
            raise Mistake(f"{variable} must be a port from 1 to 65535, found {moved!r}", code=USAGE)
        return int(moved)

    def table(self, key: str) -> "Table":
        if not self.has(key) or not isinstance(self._values[key], dict):
            found = _shown(self._values[key]) if key in self._values else "nothing: add it"
            raise self.wrong(key, f"a table, [{key}]", found)
        return Table(self._file, self._path(key), self._values[key])

    def tables(self, key: str, expected: str = "") -> list["Table"]:
        expected = expected or f"a list of tables, [[{key}]]"
        found = cast("list[dict[str, Any]]", self._list(key, dict, expected))
        return [
            Table(self._file, f"{self._path(key)}[{index}]", table)
            for index, table in enumerate(found)
        ]

    def _list(self, key: str, kind: type[_Item], expected: str) -> list[_Item]:
        if not self.has(key):
            return []
        value = self._values[key]
        if not _is_list_of(value, kind):
            raise self.wrong(key, expected, _shown(value))
        return value

    def nothing_else(self) -> None:
        known = list(dict.fromkeys(self._asked))
        for key in self._values:
            if key not in known:
                raise Mistake(
                    f"{self._file}: there is no key {self._path(key)}, there are: "
                    f"{', '.join(known)}{nearest(key, known)}",
                    code=USAGE,
                )

    def _path(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key


def _is_list_of(value: Any, kind: type[_Item]) -> TypeGuard[list[_Item]]:
    return _is_list(value) and all(isinstance(item, kind) for item in value)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
