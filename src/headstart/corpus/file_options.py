"""How the files of a source are to be read, where the files themselves do not tell."""

import codecs
import csv
from dataclasses import dataclass

from headstart.errors import OptionError, near_names, unknown_name

FORMATS = {"csv": ".csv", "tsv": ".tsv", "jsonl": ".jsonl", "json": ".json", "parquet": ".parquet", "arrow": ".arrow"}
"""What ``format`` may say -> the file ending that stands for it."""

_ALIASES = {"ndjson": "jsonl", "feather": "arrow", "ipc": "arrow", "pq": "parquet", "tab": "tsv"}
_QUOTINGS = ("auto", "minimal", "none")
_CSV_QUOTINGS = {name[6:].lower(): getattr(csv, name) for name in dir(csv) if name.startswith("QUOTE_")}
_DELIMITERS = {"tab": "\t", r"\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "bar": "|", "space": " "}


@dataclass(frozen=True)
class FileOptions:
    """How to read files; see `headstart.corpus.read` for what each field may be.

    Raises:
        OptionError: a field that holds something else; names what it may hold.
    """

    format: str | None = None
    delimiter: str | None = None
    quoting: str | int = "auto"
    encoding: str | None = None

    def __post_init__(self) -> None:
        for name, check in (("format", _format), ("delimiter", _delimiter), ("encoding", _encoding)):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else check(value))
        object.__setattr__(self, "quoting", _quoting(self.quoting))


def _format(name: str) -> str:
    known = str(name).lower().removeprefix(".")
    known = _ALIASES.get(known, known)
    if known not in FORMATS:
        raise unknown_name("file format", name, FORMATS)
    return known


def _quoting(word: str | int) -> str:
    """``auto``, ``minimal`` or ``none``; of the csv module's words all but ``none`` read alike."""
    name = str(word).lower().removeprefix("csv.").removeprefix("quote_")
    if not isinstance(word, bool) and word in _CSV_QUOTINGS.values():
        name = next(known for known, value in _CSV_QUOTINGS.items() if value == word)
    if name not in (*_QUOTINGS, *_CSV_QUOTINGS):
        raise unknown_name("way of quoting", str(word), _QUOTINGS)
    return name if name in _QUOTINGS else "minimal"


def _delimiter(mark: str) -> str:
    mark = _DELIMITERS.get(str(mark).lower(), str(mark))
    if len(mark) != 1 or not mark.isascii() or mark.isalnum() or mark in '"\r\n\0':
        raise OptionError(
            f"the delimiter is {mark!r}; expected a single ASCII character that is no letter, digit, quotation mark or line end, "
            "such as ';', or one of the words tab, comma, semicolon, pipe and space."
        )
    return mark


def _encoding(name: str) -> str:
    try:
        codec = codecs.lookup(str(name))
        codecs.getincrementaldecoder(codec.name)
        b" ".decode(codec.name, "ignore")  # refuses codecs such as base64, which give no text
    except (LookupError, ValueError) as error:
        known = (
            "utf-8",
            "utf-16",
            "cp1252",
            "latin-1",
            "gb18030",
            "gbk",
            "big5",
            "shift_jis",
            "euc-kr",
            "cp1251",
            "koi8-r",
        )
        near = near_names(name, known)
        raise OptionError(
            f"there is no encoding {str(name)!r}{f'; did you mean {near[0]!r}?' if near else '.'} "
            f"Name one that Python knows, such as {', '.join(known)}."
        ) from error
    return codec.name
