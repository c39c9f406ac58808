"""Files, folders, addresses and tables in memory -> ``Corpus``: texts, labels and columns, Arrow-backed.

::

    corpus = read("imdb.parquet", text="text", label="label", where={"split": "train"})
    train, valid = split(corpus, 0.1)
    corpus.take(train).counts
"""

from headstart.corpus.column_types import COLUMN_TYPES, check_column_types, parse_column_types
from headstart.corpus.columns import column_names, is_table, text_array
from headstart.corpus.containers import as_corpus
from headstart.corpus.dataset import Corpus
from headstart.corpus.digests import digest
from headstart.corpus.file_options import FileOptions
from headstart.corpus.filters import parse_where
from headstart.corpus.finding import Source, source_name
from headstart.corpus.labels import (
    MISSING_LABELS,
    LabelCodes,
    describe_labels,
    encode_labels,
    label_name,
    parse_label_map,
    require_two_classes,
)
from headstart.corpus.leaks import DecidingColumn, deciding_columns
from headstart.corpus.other_rows import ROW, ROW_KINDS, OtherColumns, told_kind
from headstart.corpus.reading import Rows, Scan, read, scan
from headstart.corpus.request import TextColumns
from headstart.corpus.splits import Duplicates, duplicates, split, split_by_column, split_rows, subset
from headstart.corpus.text_hashes import TextHashes
