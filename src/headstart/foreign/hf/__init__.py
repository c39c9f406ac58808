"""Reads encoders that others trained: folders of transformers, sentence-transformers and model2vec.

::

    found = import_hf("all-MiniLM-L6-v2")
    found.net.outputs(batch, ["layer3", "pooled"])

    folder.py (files) -> families.py (spellings of options and weights)
                      -> importing.py (an encoder of `headstart.nets`, with its tokenizer, pooling and limit)

Neither transformers nor model2vec is needed, nothing is fetched, and no code in a folder is ever run.
"""

from headstart.foreign.hf.importing import ImportedEncoder, import_hf, import_model2vec
