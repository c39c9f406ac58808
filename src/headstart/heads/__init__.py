"""Scorers that are not networks: linear models, boosted trees, TF-IDF.

Each is fitted once by `fit`, gives logits by `decision`, and is stored as arrays (CatBoost: in its own
format). None is ever pickled.
"""

from headstart.heads.boosting import CatBoostHead, NothingVariesError
from headstart.heads.columns import ColumnEncoder
from headstart.heads.linear import LinearHead
from headstart.heads.stored import Head, head_from_stored
from headstart.heads.tfidf import TfidfHead
