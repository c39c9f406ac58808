"""Moments, times of day and durations in strings, as people and tools write them."""

from __future__ import annotations

import datetime
import re

_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?", re.ASCII | re.IGNORECASE
)
_CLOCK = re.compile(r"([+-]?)(\d{1,9}):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?", re.ASCII)
_DAYS = re.compile(r"([+-]?\d{1,9}) days?(?:,? ([+-]?\d.*))?", re.ASCII)
_PERIOD = re.compile(
    r"([+-]?)P(?=.)(?:(\d{1,9})W)?(?:(\d{1,9})D)?"
    r"(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,9}))?S)?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH = datetime.datetime(1970, 1, 1)
_MICROSECOND = datetime.timedelta(microseconds=1)
_NANO = 10**9
_DAY = 86_400


def microseconds_since_1970(written: str) -> int | None:
    """Return an ISO date or timestamp as microseconds since 1970 in UTC; None for anything else."""
    if not _MOMENT.fullmatch(written):
        return None
    try:
        moment = datetime.datetime.fromisoformat(written)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return (moment - _EPOCH) // _MICROSECOND


def seconds_of(written: str) -> float | None:
    """Return a time of day or a duration as seconds; None for anything else.

    Read are ``08:30``, ``26:03:04.5``; ``2 days``, ``-1 days +22:30:00`` as pandas and ``1 day, 2:03:04`` as Python
    write them; and weeks to seconds of ISO 8601, ``P1DT1H30M``.
    """
    nanoseconds = _clock(written)
    if nanoseconds is None:
        nanoseconds = _days(written)
    if nanoseconds is None:
        nanoseconds = _period(written)
    return None if nanoseconds is None else nanoseconds / _NANO


def _clock(written: str) -> int | None:
    found = _CLOCK.fullmatch(written)
    if found is None:
        return None
    sign, hours, minutes, seconds, fraction = found.groups()
    return _signed(sign, 3600 * int(hours) + 60 * int(minutes) + int(seconds or 0), fraction)


def _days(written: str) -> int | None:
    found = _DAYS.fullmatch(written)
    if found is None:
        return None
    clock = 0 if found[2] is None else _clock(found[2])
    return None if clock is None else _DAY * _NANO * int(found[1]) + clock


def _period(written: str) -> int | None:
    found = _PERIOD.fullmatch(written)
    if found is None:
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:6])
    return _signed(found[1], _DAY * (7 * weeks + days) + 3600 * hours + 60 * minutes + seconds, found[7])


def _signed(sign: str, seconds: int, fraction: str | None) -> int:
    nanoseconds = seconds * _NANO + int((fraction or "").ljust(9, "0"))
    return -nanoseconds if sign == "-" else nanoseconds
