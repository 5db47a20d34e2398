"""The tokenizer of a BERT in the files of a Hugging Face directory: tokenizer.json, or vocab.txt with settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from carepick.errors import BundleError

_SPECIAL = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


def read_tokenizer(folder: Path) -> Tokenizer:
    """Returns the tokenizer in `folder`, neither truncating nor padding, from tokenizer.json or else from vocab.txt.

    Raises `BundleError` when there is neither, or one is damaged.
    """
    if (folder / "tokenizer.json").exists():
        return _from_json(folder / "tokenizer.json")
    if (folder / "vocab.txt").exists():
        return _from_vocabulary(folder / "vocab.txt", _settings(folder / "tokenizer_config.json"))
    raise BundleError(f"{folder} holds no tokenizer: expected tokenizer.json or vocab.txt in it")


def wordpiece_tokenizer(
    vocabulary: dict[str, int], lowercase: bool = False, strip_accents: bool | None = None, split_chinese: bool = True,
    special: dict[str, str] | None = None,
) -> Tokenizer:  # fmt: skip
    """Returns BERT's tokenizer over `vocabulary`, piece -> id; the settings are those of tokenizer_config.json."""
    names = special or _SPECIAL
    missing = sorted(set(names.values()) - {names["mask_token"]} - set(vocabulary))
    if missing:
        raise BundleError(f"the vocabulary lacks {', '.join(missing)}: it is no BERT vocabulary, or is cut short")
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=names["unk_token"]))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=split_chinese, strip_accents=strip_accents, lowercase=lowercase
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens([name for name in names.values() if name in vocabulary])
    first, last = names["cls_token"], names["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} $B:1 {last}:1",
        special_tokens=[(first, vocabulary[first]), (last, vocabulary[last])],
    )
    return tokenizer


def write_tokenizer(tokenizer: Tokenizer, folder: Path, max_length: int) -> None:
    """Writes tokenizer.json, tokenizer_config.json and, for a WordPiece vocabulary, vocab.txt to `folder`."""
    tokenizer.save(str(folder / "tokenizer.json"))
    settings: dict[str, Any] = {"model_max_length": max_length, "tokenizer_class": "PreTrainedTokenizerFast"}
    if isinstance(tokenizer.model, models.WordPiece):
        pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece, _ in pieces), encoding="utf-8")
    if isinstance(tokenizer.model, models.WordPiece) and isinstance(tokenizer.normalizer, normalizers.BertNormalizer):
        settings |= {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": tokenizer.normalizer.lowercase,
            "strip_accents": tokenizer.normalizer.strip_accents,
            "tokenize_chinese_chars": tokenizer.normalizer.handle_chinese_chars,
        }
    settings |= {role: name for role, name in _SPECIAL.items() if tokenizer.token_to_id(name) is not None}
    text = json.dumps(settings, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")


def padding_id(tokenizer: Tokenizer, config: dict[str, Any]) -> int:
    """Returns the id that fills short rows: the model's own, else that of [PAD], else 0."""
    named = config.get("pad_token_id")
    if isinstance(named, int):
        return named
    return tokenizer.token_to_id(_SPECIAL["pad_token"]) or 0


def _from_json(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises the bare Exception class
        raise BundleError(f"{path} is damaged, copy it again: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _from_vocabulary(path: Path, settings: dict[str, Any]) -> Tokenizer:
    try:
        pieces = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise BundleError(f"{path} is not UTF-8: copy it again") from None
    vocabulary = {piece.rstrip("\r"): place for place, piece in enumerate(pieces) if piece}
    special = {role: _token(settings.get(role, name)) for role, name in _SPECIAL.items()}
    return wordpiece_tokenizer(
        vocabulary,
        lowercase=settings.get("do_lower_case", True),  # what Hugging Face assumes where the settings are silent
        strip_accents=settings.get("strip_accents"),
        split_chinese=settings.get("tokenize_chinese_chars", True),
        special=special,
    )


def _settings(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(f"{path} is not readable JSON: {error}") from None
    return document if isinstance(document, dict) else {}


def _token(value: Any) -> str:
    """Returns the text of a special token, which the settings hold bare or as an object with a content."""
    return str(value["content"] if isinstance(value, dict) else value)
