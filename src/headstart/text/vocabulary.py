"""Words and their ids: order, checks, and the table the kernel looks them up in."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headstart.errors import DataError
from headstart.kernels import tokens as kernel
from headstart.text.columns import arrow_strings, bytes_and_offsets

SPECIALS = ("", "<unk>")  # what stands at positions 0 (padding) and 1 (unknown) of a vocabulary
_FIRST = len(SPECIALS)


@dataclass(frozen=True, eq=False)
class Lookup:
    """A vocabulary as the kernel reads it; the word of id ``i`` is ``arena[starts[i - 2]:starts[i - 1]]``."""

    slots: npt.NDArray[np.uint64]
    arena: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, vocabulary: "pa.LargeStringArray") -> "Lookup":
        """From a checked vocabulary, the specials in front.

        Raises:
            DataError: a word stands there twice.
        """
        data, offsets = bytes_and_offsets(vocabulary[_FIRST:])
        arena = np.concatenate([data[offsets[0] : offsets[-1]], np.zeros(kernel.PADDING, np.uint8)])
        starts = offsets - offsets[0]
        capacity = 1 << max(4, (2 * starts.size).bit_length())
        slots = np.zeros(2 * capacity, np.uint64)
        twice = kernel.fill_slots(arena, starts, slots)
        if twice >= 0:
            word = vocabulary[_FIRST + twice].as_py()
            raise DataError(
                f"The word {word!r} stands in the vocabulary twice, the second time at id {_FIRST + twice}. "
                f"Remove one of the two, so that the word has one id."
            )
        return cls(slots, arena, starts)


def merge_counts(parts: "list[pa.Table]") -> "pa.Table":
    """Tables of ``word`` and ``count`` as one, each word once."""
    if len(parts) == 1:
        return parts[0]
    return pa.concat_tables(parts).group_by("word").aggregate([("count", "sum")]).rename_columns(["word", "count"])


def ordered(
    counted: "pa.Table", min_count: int, max_size: int | None
) -> tuple["pa.LargeStringArray", npt.NDArray[np.int64]]:
    """Vocabulary and counts, both [n_ids], of distinct counted words: commonest first, then by code points.

    At position 1 stands how often all the words occurred that were too rare.
    """
    counted = counted.filter(pc.not_equal(counted["word"], ""))
    kept = counted.filter(pc.greater_equal(counted["count"], min_count))
    kept = kept.sort_by([("count", "descending"), ("word", "ascending")])  # Arrow compares bytes: UTF-8's is this order
    kept = kept.slice(0, max_size)
    counts = kept["count"].to_numpy()
    n_rare = int(counted["count"].to_numpy().sum()) - int(counts.sum())
    vocabulary = pa.concat_arrays([arrow_strings(SPECIALS), *kept["word"].chunks])
    return vocabulary, np.concatenate([np.array([0, n_rare]), counts]).astype(np.int64)


def checked_vocabulary(words: object) -> "pa.LargeStringArray":
    """A vocabulary from outside, [n_ids], as Arrow strings (``Lookup.of`` finds words that stand there twice).

    Raises:
        DataError: not strings, a null, an empty word, or not the specials in front.
    """
    try:
        vocabulary = words if isinstance(words, pa.Array | pa.ChunkedArray) else _from_sequence(words)
        if isinstance(vocabulary, pa.ChunkedArray):
            vocabulary = vocabulary.combine_chunks()
        vocabulary.validate(full=True)
        vocabulary = vocabulary.cast(pa.large_string())
        vocabulary.validate(full=True)
    except (pa.ArrowException, TypeError, ValueError) as fault:
        raise DataError(
            f"A vocabulary must be a sequence of strings, one for each id, and this one is not ({fault}). "
            f"Give it as Arrow strings or a list of str."
        ) from fault
    front = tuple(vocabulary[:_FIRST].to_pylist())
    if vocabulary.null_count or front != SPECIALS:
        raise DataError(
            f"A vocabulary begins with {SPECIALS[0]!r} (id 0, padding) and {SPECIALS[1]!r} (id 1, unknown) and holds "
            f"no nulls; this one begins with {front!r} and holds {vocabulary.null_count}. Put these two in front."
        )
    empty = pc.index(vocabulary[_FIRST:], arrow_strings([""])[0]).as_py()
    if empty >= 0:
        raise DataError(
            f"The word at id {_FIRST + empty} of the vocabulary is empty, which no token is. "
            f"Remove it, and mind that the ids after it move."
        )
    return vocabulary


def _from_sequence(words: object) -> "pa.LargeStringArray":
    """Strings as Arrow's; what else there may be, Arrow refuses."""
    if isinstance(words, list | tuple) and {*map(type, words)} <= {str}:
        return arrow_strings(words)
    return pa.array(words, pa.large_string())


def checked_counts(counts: object, n_ids: int) -> npt.NDArray[np.int64]:
    """How often each word occurred, int64 [n_ids]; zeros for None.

    Raises:
        DataError: not whole numbers from 0, or not one for each id.
    """
    if counts is None:
        return np.zeros(n_ids, np.int64)
    array = np.asarray(counts)
    whole = array.shape == (n_ids,) and array.dtype.kind in "iu"
    if not whole or array.min(initial=0) < 0:
        raise DataError(
            f"The counts of a vocabulary must be {n_ids} whole numbers from 0, one for each id; these are of type "
            f"{array.dtype} and shape {array.shape}{f', the least {array.min()}' if whole else ''}. "
            f"Leave them out if they are not known."
        )
    return array.astype(np.int64)
