"""Whether quotation marks in delimited text enclose cells or belong to the texts; no line is ever swallowed unseen.

A CSV parser takes a quotation mark at the start of a cell for the beginning of a quoted one, and reads on to the
next mark, however many lines later. That is right in files of programs that quote (RFC 4180) and swallows rows in
files of programs that do not. Both kinds are told apart here, before the parser sees the lines:

- Quoted: a cell that begins with a mark ends with one, and marks inside it are doubled.
- Unquoted: every line is a row, and marks are letters like others.

TSV comes in both kinds, and is taken as unquoted where every line is a row of its own and nothing but the marks
speaks for quoting. Everything else is taken as quoted, and refused, with the line, where that cannot be: where a
mark never closes, where a cell over several lines does not end after its closing mark, and where the lines inside a
cell are complete rows themselves while nothing shows that the writer of the file knew how to quote.

Most chunks of a file are checked in a few passes over arrays; marks that stand oddly are then looked at one by one.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.corpus.decoding import count_lines
from headstart.errors import DataError

CELLS_OVER_LINES = "n_cells_over_lines"
_BYTES_AROUND = 1 << 17
_LONGEST_WORD = 24
_NUMERAL = re.compile(rb"[-+]?[0-9]*[.,]?[0-9]+([eE][-+]?[0-9]+)?")

LONGEST_CELL = 16 << 20
"""A quoted cell may have this many bytes; a mark that is not closed by then never will be."""

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.intp]

_MARK, _NEWLINE, _RETURN = ord('"'), ord("\n"), ord("\r")


class Part(NamedTuple):
    """Whole rows of a file, and whether their quotation marks enclose cells."""

    data: bytes
    quoted: bool


@dataclass
class _Found:
    """What the quotation marks of some lines say.

    Args:
        n_proper: cells that only a program that quotes writes so: with a delimiter or doubled marks inside.
        n_loose: marks as no such program writes them: inside a cell that does not begin with one, or before its end.
        n_cells: cells that begin and end with a mark.
        n_over_lines: those of them that run over lines.
        swallowing: where cells begin and end whose lines look like rows.
        open_at: where a cell begins that is not closed yet.
        cut: where the row of that cell begins; else the end of the lines.
        n_lines: how many lines end before the cut.
        fault: where a mark stands that is not closed as it should be.
    """

    n_proper: int = 0
    n_loose: int = 0
    n_cells: int = 0
    n_over_lines: int = 0
    swallowing: list[tuple[int, int]] = field(default_factory=list)
    open_at: int | None = None
    cut: int = 0
    n_lines: int = 0
    fault: int | None = None


class Quoting:
    """Decides how a file quotes, and holds all of it to that.

    Args:
        name: what messages call the file.
        delimiter: one ASCII character.
        header: the names of the columns.
        quoting: ``"auto"``, ``"minimal"`` or ``"none"``.
        n_lines: lines before the first row.
        returns: whether lines end with a carriage return too.
        counts: ``n_cells_over_lines`` grows by the cells of a file of one column that take up several lines, of which
            each could be a row.
    """

    def __init__(
        self,
        name: str,
        delimiter: str,
        header: list[str],
        quoting: str,
        n_lines: int,
        *,
        returns: bool,
        counts: Counter[str],
    ) -> None:
        self._counts = counts
        self._name, self._delimiter, self._n_lines = name, delimiter.encode(), n_lines
        self._n_columns, self._returns = len(header), returns
        # After a comma in prose comes a blank, in a row of a table hardly ever.
        self._no_blanks = delimiter in ",;" and not any(cell.startswith(" ") for cell in header)
        self._certain = quoting == "minimal"
        self._quoted: bool | None = {"minimal": True, "none": False}.get(quoting)
        self._seen = _Found()

    def parts(self, chunks: Iterator[bytes]) -> Iterator[Part]:
        """The chunks, each with how it is to be read; a row that a chunk ends in goes to the next.

        Raises:
            DataError: quotation marks that cannot be read in the way of the rest of the file; with its line.
        """
        rest = b""
        for chunk in chain(chunks, [b""]):
            data = rest + chunk if rest else chunk
            rest, n_lines = b"", None
            if self._quoted is not False and (self._quoted or self._begins_a_cell(data)) and b'"' in data:
                found = self._examine(data)
                if found.open_at is not None and (not chunk or len(data) - found.cut > LONGEST_CELL):
                    found.fault = found.open_at
                if found.fault is None:
                    data, rest, n_lines = data[: found.cut], data[found.cut :], found.n_lines
                if self._quoted is None and data:
                    self._quoted = self._decide(data, found)
                if self._quoted:
                    self._check(data, found)
            elif b'"' in data:
                self._seen.n_loose += data.count(b'"')
            if data:
                yield Part(data, bool(self._quoted))
                self._n_lines += count_lines(data) if n_lines is None else n_lines

    def _begins_a_cell(self, data: bytes) -> bool:
        if b'"' not in data:
            return False
        return data.startswith(b'"') or any(before + b'"' in data for before in (b"\n", b"\r", self._delimiter))

    def _decide(self, data: bytes, found: _Found) -> bool:
        """Whether the file quotes, by the first lines in which a cell begins with a mark."""
        if self._delimiter != b"\t" or self._n_columns == 1:
            return True
        doubtful = found.fault is not None or self._seen.n_loose + found.n_loose or found.swallowing
        if not doubtful and (found.n_proper or found.n_cells >= count_lines(data)):
            return True
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return any(line and not self._is_row(line) for line in lines)

    def _check(self, data: bytes, found: _Found) -> None:
        """Refuse what no quoted file holds."""
        seen = self._seen
        seen.n_proper += found.n_proper
        seen.n_loose += found.n_loose
        seen.swallowing += found.swallowing
        if self._n_columns == 1 and found.n_over_lines:
            self._counts[CELLS_OVER_LINES] += found.n_over_lines
        if found.fault is not None:
            line = self._n_lines + count_lines(data[: found.fault]) + 1
            raise DataError(
                f"{self._name}, line {line}, opens a quotation mark that seems never to be closed: close it, and double "
                f'the marks inside the cell; or say --quoting none (quoting="none" in Python) if quotation marks are '
                f"part of the texts."
            )
        if found.swallowing and not self._certain and (seen.n_loose or seen.n_proper <= len(seen.swallowing)):
            first, last = (self._n_lines + count_lines(data[:at]) + 1 for at in found.swallowing[0])
            raise DataError(
                f"{self._name}, line {first}, opens a quotation mark that is closed in line {last}, and each of these "
                f"lines would be a row of its own. Say --quoting minimal (quoting= in Python) if they are one cell, "
                f"--quoting none if quotation marks are part of the texts."
            )

    # --- the marks of some lines, which begin with a row ----------------------------------------------

    def _examine(self, data: bytes) -> _Found:
        values = np.frombuffer(data, np.uint8)
        marks = np.flatnonzero(values == _MARK)
        lines = np.flatnonzero(values == _line_end(data)[0])
        opening, closing = marks[::2], marks[1::2]
        found = _Found(cut=len(data))
        if self._is_regular(values, opening, closing):
            # A cell runs from an opening mark that follows no other to the closing mark that no other follows.
            single = np.ones(len(opening) + 1, bool)
            single[1:-1] = opening[1:] != closing[: len(opening) - 1] + 1
            begins, ends = opening[single[:-1]], closing[single[1 : len(closing) + 1]]
            found.n_proper = len(opening) - len(begins)
        else:
            begins, ends = self._one_by_one(data, marks.tolist(), found)
        if len(begins) > len(ends):
            found.open_at = int(begins[-1])
            begins = begins[: len(ends)]
            if found.fault is None:
                found.cut = self._row_start(data, found.open_at, begins, ends)
                begins, ends = begins[ends < found.cut], ends[ends < found.cut]
        found.n_cells = len(begins)
        found.n_lines = int(np.searchsorted(lines, found.cut))
        self._look_inside(data, begins, ends, lines, found)
        return found

    def _is_regular(self, values: _Bytes, opening: _Places, closing: _Places) -> bool:
        """Whether every cell is as RFC 4180 has it: then marks open and close in turn."""
        starts = values[np.maximum(opening - 1, 0)]
        stops = values[np.minimum(closing + 1, len(values) - 1)]
        opens = self._ends_cell(starts) | (starts == _MARK)
        opens[0] |= opening[0] == 0
        closes = self._ends_cell(stops) | (stops == _MARK)
        if len(closing):
            closes[-1] |= closing[-1] == len(values) - 1
        return bool(opens.all() and closes.all())

    def _ends_cell(self, values: _Bytes) -> NDArray[np.bool_]:
        ends: NDArray[np.bool_] = (values == ord(self._delimiter)) | (values == _NEWLINE) | (values == _RETURN)
        return ends

    def _one_by_one(self, data: bytes, marks: list[int], found: _Found) -> tuple[_Places, _Places]:
        """Where cells begin and end, where some marks stand oddly; stops at a mark that closes too early."""
        ends_cell = {ord(self._delimiter), _NEWLINE, _RETURN}
        begins, ends = [], []
        inside = False
        first_of_two = -1
        for at in marks:
            after = data[at + 1] if at + 1 < len(data) else _NEWLINE
            if not inside:
                inside = at == 0 or data[at - 1] in ends_cell
                found.n_loose += not inside
                if inside:
                    begins.append(at)
            elif first_of_two == at - 1:
                found.n_proper += 1
                first_of_two = -1
            elif after == _MARK:
                first_of_two = at
            elif after in ends_cell:
                ends.append(at)
                inside = False
            elif b"\n" in data[begins[-1] : at] or b"\r" in data[begins[-1] : at]:
                found.fault = begins[-1]
                break
            else:  # "so" they said: the rest of the cell is taken as it is, as every parser does.
                found.n_loose += 1
                begins.pop()
                inside = False
        return np.array(begins, np.intp), np.array(ends, np.intp)

    @staticmethod
    def _row_start(data: bytes, at: int, begins: _Places, ends: _Places) -> int:
        """Where the row of the cell at `at` begins; cells before it in the row may run over lines as well."""
        newline = _line_end(data)
        start = data.rfind(newline, 0, at) + 1
        for begin, end in zip(reversed(begins), reversed(ends), strict=True):
            if end < start:
                break
            start = min(start, data.rfind(newline, 0, begin) + 1)
        return start

    def _look_inside(self, data: bytes, begins: _Places, ends: _Places, lines: _Places, found: _Found) -> None:
        """Find cells whose lines look like rows, and what speaks for a writer that knows how to quote."""
        newline = _line_end(data)
        first_lines = np.searchsorted(lines, begins)
        over_lines = first_lines != np.searchsorted(lines, ends)
        if not self._certain and over_lines.any():
            found.n_over_lines = int(np.count_nonzero(over_lines))
            stops = np.append(lines, len(data))[first_lines[over_lines]]
            cells = list(zip(begins[over_lines].tolist(), ends[over_lines].tolist(), stops.tolist(), strict=True))
            if self._no_blanks and self._n_columns > 1:  # nearly every cell over lines is seen to be prose in its first
                blank = self._delimiter + b" "
                cells = [cell for cell in cells if data.find(blank, cell[0], cell[2]) < 0]
            for begin, end, stop in cells:
                if self._swallows(data, newline, begin, end, stop, found):
                    found.swallowing.append((begin, end))
            found.n_proper += found.n_over_lines - len(found.swallowing)
        if self._quoted is None or found.swallowing:
            delimiters = np.flatnonzero(np.frombuffer(data, np.uint8) == self._delimiter[0])
            holds = np.searchsorted(delimiters, begins) != np.searchsorted(delimiters, ends)
            found.n_proper += int(np.count_nonzero(holds & ~over_lines))

    def _swallows(self, data: bytes, newline: bytes, begin: int, end: int, stop: int, found: _Found) -> bool:
        """Whether the lines over which a cell runs look like rows: the first, which ends at `stop`, the last and most between."""
        if self._n_columns == 1:
            # Any line is a row of one column: only marks that stand oddly elsewhere speak against the cell.
            return bool(self._seen.n_loose + found.n_loose)
        start = data.rfind(newline, 0, begin) + 1
        if not self._is_row(data[start:stop]):
            return False
        last = data.find(newline, end)
        lines = data[start : last if last >= 0 else len(data)].split(newline)
        if not self._is_row(lines[-1]) or (self._returns and not all(line.endswith(b"\r") for line in lines[:-1])):
            return False
        inner = [line for line in lines[1:-1] if line.strip()]
        rows = [lines[0], *filter(self._is_row, inner), lines[-1]]
        return 2 * (len(rows) - 2) >= len(inner) and self._look_alike(
            rows, data[start:begin].count(self._delimiter), data
        )

    def _is_row(self, line: bytes) -> bool:
        if line.count(self._delimiter) != self._n_columns - 1:
            return False
        return not (self._no_blanks and self._delimiter + b" " in line)

    def _look_alike(self, lines: list[bytes], quoted_column: int, data: bytes) -> bool:
        """Whether lines hold, but for the quoted column, what the rows around hold: numbers, words, prose, nothing."""
        known = self._kinds(data)
        for column, cells in enumerate(zip(*(line.strip(b"\r").split(self._delimiter) for line in lines), strict=True)):
            kinds = set(map(_kind, cells))
            if column != quoted_column and (kinds - known[column] if known else len(kinds) > 1 or "nothing" in kinds):
                return False
        return True

    def _kinds(self, data: bytes) -> list[set[str]]:
        """What the cells of each column are, in rows of one line near by; empty where there are none."""
        lines = data[:_BYTES_AROUND].splitlines()[:-1]
        rows = [line.split(self._delimiter) for line in lines if b'"' not in line]
        rows = [row for row in rows if len(row) == self._n_columns]
        return [set(map(_kind, cells)) for cells in zip(*rows, strict=True)]


def _kind(cell: bytes) -> str:
    cell = cell.strip()
    if _NUMERAL.fullmatch(cell):
        return "number"
    return "nothing" if not cell else "word" if len(cell) <= _LONGEST_WORD and not cell.count(b" ") else "prose"


def _line_end(data: bytes) -> bytes:
    return b"\n" if b"\n" in data else b"\r"
