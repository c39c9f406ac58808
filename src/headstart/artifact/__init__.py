"""A model on disk: one folder, no code in it, every byte of it checked (docs/format.md is the format).

`write` and `read` know nothing of networks: they move `Parts`, plain values and arrays, which
`headstart.predictor` makes and understands.
"""

from headstart.artifact.arguments import is_quick, kept_arguments
from headstart.artifact.manifest import FORMAT
from headstart.artifact.parts import Parts
from headstart.artifact.probing import rewritten_in_child
from headstart.artifact.reading import inspect, read
from headstart.artifact.tokenizer_file import checked_tokenizer
from headstart.artifact.writing import check_target, content_hash, write
