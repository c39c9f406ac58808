"""What readers are tried on."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'headstart[onnx]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'headstart[onnx]'")

WORDS = "[PAD] [UNK] [CLS] [SEP] a the great awful film hotel was ##s ##ly story . ! ? é e o ##o 日 ##日 don ' t x ##x".split()


@pytest.fixture(scope="session")
def piece_rules() -> str:
    """A ``tokenizer.json`` as BERT's."""
    pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'headstart[hf]'")
    frame = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    specials = {name: {"id": name, "ids": [WORDS.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")}
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    rules: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": WORDS[i], "special": True, **plain} for i in range(4)],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing", "single": [*frame, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}], "pair": [],
            "special_tokens": specials,
        },
        "decoder": None,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": {word: i for i, word in enumerate(WORDS)},
        },
    }  # fmt: skip
    return json.dumps(rules, ensure_ascii=False)


@pytest.fixture(scope="session")
def wordy() -> list[str]:
    """Words of several scripts, for texts that are not unknown throughout."""
    return "the a great awful film hotel was don't über cafés naïve 日 本 слово ἀρχή नमस्ते don i̇stanbul ß ό 1 42 x_y".split()
