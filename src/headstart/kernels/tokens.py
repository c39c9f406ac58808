"""Text to tokens in one pass over UTF-8 bytes: rewrite each character, cut, look up or count.

A token definition is a table, not code. ``table`` (uint32) says for every code point what it is
rewritten to (its lower case, say) and which *class* the result has; the loops below only interpret
the classes. The first 256 entries answer for single bytes, so that ASCII needs no decoding; the
entry of code point ``c`` is ``table[256 + c]``. An entry is ``class << 24 | rewritten code point``.

=============  =====================================================================================
class          what the loop does
=============  =====================================================================================
``SEPARATOR``  ends a token and is dropped
``WORD``       begins or goes on with a token
``SINGLE``     ends a token and is a token of its own
``APOSTROPHE`` goes on with a token when a ``WORD`` character follows, else separates
``MARK``       goes on with a token, never begins one (combining accents, joiners)
``TAG``        drops an HTML tag that begins here (see ``TAG_CHARACTERS``), else separates
=============  =====================================================================================

Two paths give the same tokens. ``_any_token`` does what the table above says, one character at a
time. ``_next_token`` first tries to take eight bytes at a time: ``_prepare`` has written the row's
plain ASCII word characters, rewritten, to ``scratch``, and 0 for every other byte, so a word ends
where the first zero byte is. Where that zero stands for anything but a separator or a single ASCII
character, the first path takes over.

A word is looked up in an open-addressing hash table whose answer is always exact: of a word of up
to 8 bytes the 64-bit key holds the bytes themselves; of longer ones it is a hash, and all bytes are
compared.

Rows come as Arrow lays them out: ``data`` uint8, and row ``r`` is ``data[offsets[r]:offsets[r + 1]]``.
They must be valid UTF-8 (callers validate), because the decoder trusts its lead bytes. The compiled
loops do not check bounds: the sizes that the docstrings ask of arrays are requirements.
"""

from collections.abc import Sequence

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from headstart.arrays import Bytes, Codes, Ids, Places
from headstart.kernels.compiling import compiled
from headstart.kernels.llvm import Builder, Context, Emit, Kind, Signature, Value

Classes = NDArray[np.uint32]
"""What each byte and code point is, and becomes."""

SEPARATOR, WORD, SINGLE, APOSTROPHE, MARK, TAG, MULTIBYTE = range(7)
BYTE_ENTRIES = 256  # entries of a table that stand for bytes; code points follow
UNKNOWN_ID, FIRST_WORD_ID = 1, 2
TAG_CHARACTERS = 100  # a tag is `</?[A-Za-z][^<>]*>` of at most this many characters
PADDING = 16  # bytes that must follow the last word of scratch or arena, because words are read in eights

_EIGHT = 8
_CODE_POINT = 0x1FFFFF
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: Knuth, The Art of Computer Programming 3, 6.4


def _intrinsic(make: Emit) -> Emit:
    """Numba's decorator, typed for what it makes: a function that takes one argument fewer."""
    return intrinsic(make)


def _reader(kind: Kind) -> Emit:
    """A function of an address -> the number of this kind that stands there, zero-extended."""

    @_intrinsic
    def read(typing: Context, address: Kind) -> Signature:
        result = types.uint64 if kind is types.uint64 else types.int64

        def generate(context: Context, builder: Builder, signature: Signature, arguments: Sequence[Value]) -> Value:
            pointer = builder.inttoptr(arguments[0], ir.IntType(kind.bitwidth).as_pointer())
            return builder.zext(builder.load(pointer, align=1), ir.IntType(64))

        return result(types.int64), generate

    return read


def _writer(kind: Kind) -> Emit:
    """A function of an address and a number, which it writes there as this kind."""

    @_intrinsic
    def write(typing: Context, address: Kind, number: Kind) -> Signature:
        def generate(context: Context, builder: Builder, signature: Signature, arguments: Sequence[Value]) -> Value:
            machine = ir.IntType(kind.bitwidth)
            number = builder.trunc(arguments[1], machine) if kind.bitwidth < 64 else arguments[1]
            builder.store(number, builder.inttoptr(arguments[0], machine.as_pointer()), align=1)
            return context.get_dummy_value()

        return types.none(types.int64, types.uint64 if kind is types.uint64 else types.int64), generate

    return write


_byte, _four_bytes, _eight_bytes = _reader(types.uint8), _reader(types.uint32), _reader(types.uint64)
_set_byte, _set_eight_bytes = _writer(types.uint8), _writer(types.uint64)


@_intrinsic
def _address(typing: Context, array: Kind) -> Signature:
    """Where an array's first number stands."""

    def generate(context: Context, builder: Builder, signature: Signature, arguments: Sequence[Value]) -> Value:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(view.data, ir.IntType(64))

    return types.int64(array), generate


@_intrinsic
def _trailing_zeros(typing: Context, number: Kind) -> Signature:
    """Zero bits below the lowest set bit of a uint64, which must not be 0."""

    def generate(context: Context, builder: Builder, signature: Signature, arguments: Sequence[Value]) -> Value:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@compiled(part=True)
def _decode(at: int) -> tuple[int, int]:
    """-> code point and width in bytes of the character at ``at``, which is not ASCII."""
    lead = _byte(at)
    low = _byte(at + 1) & 0x3F
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | low, 2
    low = low << 6 | (_byte(at + 2) & 0x3F)
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | low, 3
    return (lead & 0x07) << 18 | low << 6 | (_byte(at + 3) & 0x3F), 4


@compiled(part=True)
def _entry(at: int, table: int) -> tuple[int, int]:
    """-> table entry and width in bytes of the character at ``at``."""
    entry = _four_bytes(table + 4 * _byte(at))
    if entry >> 24 != MULTIBYTE:
        return entry, 1
    code_point, width = _decode(at)
    return _four_bytes(table + 4 * (BYTE_ENTRIES + code_point)), width


@compiled(part=True)
def _put(code_point: int, to: int) -> int:
    """Write a character at ``to`` as UTF-8 -> address after it."""
    if code_point < 0x80:
        _set_byte(to, code_point)
        return to + 1
    if code_point < 0x800:
        _set_byte(to, 0xC0 | code_point >> 6)
    else:
        if code_point < 0x10000:
            _set_byte(to, 0xE0 | code_point >> 12)
        else:
            _set_byte(to, 0xF0 | code_point >> 18)
            to += 1
            _set_byte(to, 0x80 | (code_point >> 12 & 0x3F))
        to += 1
        _set_byte(to, 0x80 | (code_point >> 6 & 0x3F))
    _set_byte(to + 1, 0x80 | (code_point & 0x3F))
    return to + 2


@compiled(part=True)
def _after_tag(at: int, end: int, table: int) -> int:
    """Address after the HTML tag that begins at ``at``; after its ``<`` alone when it is none."""
    begin = at + 1
    at = begin
    if at < end and _byte(at) == 0x2F:
        at += 1
    if at >= end:
        return begin
    letter, _ = _entry(at, table)
    if not 97 <= (letter & _CODE_POINT | 32) <= 122:
        return begin
    left = TAG_CHARACTERS - (at - begin + 1)  # characters that may still come
    while at < end and left > 0:
        byte = _byte(at)
        if byte == 0x3C:
            break
        at += 1
        if byte == 0x3E:
            return at
        if byte < 0x80 or byte >= 0xC0:  # one for each character, not for each byte
            left -= 1
    return begin


@compiled(part=True)
def _any_token(at: int, end: int, table: int, spare: int) -> tuple[int, int]:
    """Write the next token before ``end`` to ``spare`` -> address after it in the text, its bytes (0: no more)."""
    to = spare
    while at < end:
        entry, width = _entry(at, table)
        kind = entry >> 24
        in_word = to > spare
        if kind == APOSTROPHE and in_word and at + width < end:
            in_word = _entry(at + width, table)[0] >> 24 == WORD
            kind = MARK if in_word else SEPARATOR
        if kind == WORD or (kind == MARK and in_word):
            to = _put(entry & _CODE_POINT, to)
            at += width
        elif to > spare:
            break
        elif kind == SINGLE:
            return at + width, _put(entry & _CODE_POINT, to) - spare
        elif kind == TAG:
            at = _after_tag(at, end, table)
        else:
            at += width
    return at, to - spare


@compiled(part=True)
def _plain_bytes(table: int, plain: int) -> None:
    """Write 256 bytes: what a byte is rewritten to when it is an ASCII word character, else 0."""
    for byte in range(BYTE_ENTRIES):
        entry = _four_bytes(table + 4 * byte)
        is_plain = entry >> 24 == WORD and entry & _CODE_POINT < 128
        _set_byte(plain + byte, entry & 0x7F if is_plain else 0)


@compiled(part=True)
def _prepare(begin: int, end: int, scratch: int) -> int:
    """Write a row's plain characters, then zeros -> where the spare room begins."""
    prepared = scratch + BYTE_ENTRIES
    for i in range(end - begin):
        _set_byte(prepared + i, _byte(scratch + _byte(begin + i)))
    spare = prepared + end - begin + PADDING
    for at in range(spare - PADDING, spare):
        _set_byte(at, 0)
    return spare


@compiled(part=True)
def _plain_length(begin: int) -> Value:
    """Bytes from ``begin`` to the first zero byte."""
    at = begin
    while True:
        eight = _eight_bytes(at)
        zeros = (eight - _ONES) & ~eight & _HIGHS  # its lowest set bit is in the first zero byte
        if zeros != 0:
            return at - begin + (_trailing_zeros(zeros) >> 3)
        at += _EIGHT


@compiled(part=True)
def _next_token(at: int, end: int, table: int, ahead: int, spare: int) -> tuple[int, int, int, Value]:
    """The next token of a prepared row. What ``_prepare`` made of the byte at ``x`` stands at ``x + ahead``.

    -> address after it in the text, where it stands itself, its bytes (0: there is no more), its key.
    """
    while at < end:
        word = at + ahead
        n = _plain_length(word)
        stop = at + n
        if stop >= end:
            return end, word, n, _key(word, n)
        entry = _four_bytes(table + 4 * _byte(stop))
        kind = entry >> 24
        if kind == SEPARATOR:
            at = stop + 1
            if n > 0:
                return at, word, n, _key(word, n)
        elif kind == SINGLE:
            if n > 0:
                return stop, word, n, _key(word, n)
            _set_byte(word, entry & 0x7F)  # reading it back in eights would wait for this write
            return stop + 1, word, 1, np.uint64(entry & 0x7F)
        else:
            at, n = _any_token(at, end, table, spare)
            return at, spare, n, _key(spare, n)
    return end, spare, 0, np.uint64(0)


@compiled(part=True)
def _low_bytes(eight: Value, n: int) -> Value:
    """The first n (1 to 8) of eight bytes, the others 0."""
    return eight & _ALL >> np.uint64(64 - 8 * n)


@compiled(part=True)
def _key(word: int, n: int) -> Value:
    """64-bit key of n bytes (0: any): the bytes themselves up to 8 of them, else a hash."""
    if n <= _EIGHT:
        return _low_bytes(_eight_bytes(word), n)
    key = np.uint64(n)
    for i in range(0, n, _EIGHT):
        key = (key ^ _low_bytes(_eight_bytes(word + i), min(_EIGHT, n - i))) * _ODD
        key ^= key >> np.uint64(32)
    return key


@compiled(part=True)
def _same(word: int, other: int, n: int) -> bool:
    for i in range(0, n, _EIGHT):  # noqa: SIM110  # Numba knows no all()
        if _low_bytes(_eight_bytes(word + i) ^ _eight_bytes(other + i), min(_EIGHT, n - i)) != 0:
            return False
    return True


@compiled(part=True)
def _copy(word: int, n: int, to: int) -> None:
    for i in range(n):
        _set_byte(to + i, _byte(word + i))


@compiled(part=True)
def _find(word: int, n: int, key: Value, slots: int, mask: int, arena: int, starts: int) -> tuple[Value, Value]:
    """-> id of a word (0: not there) and the address of the slot where it stands or would stand.

    A slot is 16 bytes: key, then ``length << 32 | id`` (0: empty). ``mask`` is the number of slots, a
    power of two, less one. The word of id ``i`` begins at ``arena + starts[i - 2]``.
    """
    mixed = key * _ODD
    place = np.int64(mixed ^ mixed >> np.uint64(32)) & mask
    while True:
        slot = slots + 16 * place
        meta = np.int64(_eight_bytes(slot + 8))
        if meta == 0:
            return 0, slot
        if _eight_bytes(slot) == key and meta >> 32 == n:
            found = meta & 0xFFFFFFFF
            if n <= _EIGHT or _same(word, arena + np.int64(_eight_bytes(starts + 8 * (found - FIRST_WORD_ID))), n):
                return found, slot
        place = (place + 1) & mask


@compiled(part=True)
def _claim(slot: int, key: Value, n: int, new_id: int) -> None:
    _set_eight_bytes(slot, key)
    _set_eight_bytes(slot + 8, np.uint64(n) << np.uint64(32) | np.uint64(new_id))


@compiled
def fill_slots(arena: Bytes, starts: Places, slots: Codes) -> int:
    """Enter all words (non-empty, ids from 2 in order) into empty ``slots`` -> row of the first duplicate, or -1.

    ``arena`` uint8 holds the words one after another and goes on for ``PADDING`` bytes after the last;
    ``starts`` int64 [words + 1]; ``slots`` uint64 zeros [2 * a power of two larger than the words].
    """
    words = _address(arena)
    for i in range(starts.size - 1):
        word = words + starts[i]
        n = starts[i + 1] - starts[i]
        key = _key(word, n)
        found, slot = _find(word, n, key, _address(slots), slots.size // 2 - 1, words, _address(starts))
        if found:
            return i
        _claim(slot, key, n, i + FIRST_WORD_ID)
    return -1


@compiled
def encode_rows(
    data: Bytes,
    offsets: Places,
    table: Classes,
    slots: Codes,
    arena: Bytes,
    starts: Places,
    scratch: Bytes,
    ids: Ids,
    ends: Places,
) -> tuple[int, int]:
    """Ids of every row's tokens, one row after another -> number of ids, number of unknown ones.

    ``ids`` int32 [bytes of all rows] and ``ends`` int64 [rows] (where each row's ids end) are
    written; ``scratch`` is uint8 [256 + 3 * longest row + 2 * PADDING]. Unknown words get id 1.
    """
    text, entries, room = _address(data), _address(table), _address(scratch)
    places, mask, words, begins = _address(slots), slots.size // 2 - 1, _address(arena), _address(starts)
    _plain_bytes(entries, room)
    n_ids = 0
    n_unknown = 0
    for row in range(offsets.size - 1):
        at = text + offsets[row]
        end = text + offsets[row + 1]
        spare = _prepare(at, end, room)
        ahead = room + BYTE_ENTRIES - at
        while at < end:
            at, word, n, key = _next_token(at, end, entries, ahead, spare)
            if n > 0:
                found, _ = _find(word, n, key, places, mask, words, begins)
                if found == 0:
                    found = UNKNOWN_ID
                    n_unknown += 1
                ids[n_ids] = found
                n_ids += 1
        ends[row] = n_ids
    return n_ids, n_unknown


@compiled
def split_rows(
    data: Bytes, offsets: Places, table: Classes, scratch: Bytes, tokens: Bytes, stops: Places, ends: Places
) -> int:
    """The tokens themselves -> their number.

    ``tokens`` uint8 [2 * bytes of all rows] gets their bytes, ``stops`` int64 [bytes of all rows + 1]
    where each one ends (after a leading 0), ``ends`` int64 [rows] how many there are after each row;
    ``scratch`` as for ``encode_rows``.
    """
    text, entries, room = _address(data), _address(table), _address(scratch)
    _plain_bytes(entries, room)
    n_tokens = 0
    n_bytes = 0
    stops[0] = 0
    for row in range(offsets.size - 1):
        at = text + offsets[row]
        end = text + offsets[row + 1]
        spare = _prepare(at, end, room)
        ahead = room + BYTE_ENTRIES - at
        while at < end:
            at, word, n, _ = _next_token(at, end, entries, ahead, spare)
            if n > 0:
                _copy(word, n, _address(tokens) + n_bytes)
                n_bytes += n
                n_tokens += 1
                stops[n_tokens] = n_bytes
        ends[row] = n_tokens
    return n_tokens


@compiled
def count_rows(
    data: Bytes,
    offsets: Places,
    table: Classes,
    scratch: Bytes,
    slots: Codes,
    arena: Bytes,
    starts: Places,
    counts: Places,
    state: Places,
) -> bool:
    """Count every row's words in arrays of fixed size -> False when one of these is full.

    Then make ``starts``, ``counts`` and ``arena`` longer, ``slots`` likewise (anew, with ``fill_slots``), and
    call again: ``state`` int64 (row, byte of the text, number of words) says where to go on.
    Sizes: ``starts`` int64 [n + 1] from 0; ``counts`` int64 zeros [n]; ``slots`` uint64 zeros [4 * n], n a power
    of two; ``arena`` uint8 of any size; ``scratch`` as for ``encode_rows``.
    """
    text, entries, room = _address(data), _address(table), _address(scratch)
    places, mask, words, begins = _address(slots), slots.size // 2 - 1, _address(arena), _address(starts)
    _plain_bytes(entries, room)
    n_words = state[2]
    for row in range(state[0], offsets.size - 1):
        first = text + offsets[row]
        end = text + offsets[row + 1]
        spare = _prepare(first, end, room)
        ahead = room + BYTE_ENTRIES - first
        at = max(first, text + state[1])
        while at < end:
            before = at
            at, word, n, key = _next_token(at, end, entries, ahead, spare)
            if n == 0:
                continue
            found, slot = _find(word, n, key, places, mask, words, begins)
            if found > 0:
                counts[found - FIRST_WORD_ID] += 1
                continue
            start = starts[n_words]
            if n_words == counts.size or start + n + PADDING > arena.size:
                state[0], state[1], state[2] = row, before - text, n_words
                return False
            _copy(word, n, words + start)
            starts[n_words + 1] = start + n
            counts[n_words] = 1
            _claim(slot, key, n, n_words + FIRST_WORD_ID)
            n_words += 1
    state[0], state[1], state[2] = 0, 0, n_words
    return True
