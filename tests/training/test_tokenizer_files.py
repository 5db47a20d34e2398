import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from carepick.errors import BundleError
from carepick.training.tokenizer_files import padding_id, read_tokenizer, write_tokenizer

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "머리", "##가", "아파", "##요", "adhd", "ADHD", "é", "e", "##́"]
TEXTS = ["머리가 아파요", "ADHD é [MASK] 모름", "아파요, 머리!"]


def folder_with(folder: Path, **settings: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def test_pieces_and_special_tokens(tmp_path: Path) -> None:
    encoding = read_tokenizer(folder_with(tmp_path, do_lower_case=False)).encode("머리가 아파요")
    assert encoding.tokens == ["[CLS]", "머리", "##가", "아파", "##요", "[SEP]"]
    assert encoding.ids == [2, 5, 6, 7, 8, 3]


def test_case_follows_the_settings(tmp_path: Path) -> None:
    kept = read_tokenizer(folder_with(tmp_path / "kept", do_lower_case=False))
    lowered = read_tokenizer(folder_with(tmp_path / "lowered", do_lower_case=True, strip_accents=False))
    assert kept.encode("ADHD é").tokens[1:-1] == ["ADHD", "é"]
    assert lowered.encode("ADHD é").tokens[1:-1] == ["adhd", "é"]


def test_written_files_read_back_the_same(tmp_path: Path) -> None:
    tokenizer = read_tokenizer(folder_with(tmp_path, do_lower_case=True, strip_accents=True))
    (tmp_path / "out").mkdir()
    write_tokenizer(tokenizer, tmp_path / "out", 512)
    again = read_tokenizer(tmp_path / "out")
    (tmp_path / "out" / "tokenizer.json").unlink()
    from_vocabulary = read_tokenizer(tmp_path / "out")
    for text in TEXTS:
        assert again.encode(text).ids == from_vocabulary.encode(text).ids == tokenizer.encode(text).ids


def test_truncation_and_padding_of_a_saved_tokenizer_are_left_out(tmp_path: Path) -> None:
    tokenizer = read_tokenizer(folder_with(tmp_path, do_lower_case=False))
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=64)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert len(read_tokenizer(tmp_path).encode("머리가 아파요").ids) == 6


@pytest.mark.train
@pytest.mark.parametrize("settings", [{"do_lower_case": False}, {"do_lower_case": True}, {"strip_accents": False}])
def test_agrees_with_hugging_face(settings: dict[str, bool], tmp_path: Path) -> None:
    import transformers

    folder = folder_with(tmp_path, tokenizer_class="BertTokenizer", **settings)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    theirs = transformers.BertTokenizer.from_pretrained(folder)
    ours = read_tokenizer(folder)
    write_tokenizer(ours, folder, 512)
    written = transformers.AutoTokenizer.from_pretrained(folder)
    for text in TEXTS:
        assert ours.encode(text).ids == theirs(text)["input_ids"] == written(text)["input_ids"]


def test_padding_id(tmp_path: Path) -> None:
    tokenizer = read_tokenizer(folder_with(tmp_path))
    assert padding_id(tokenizer, {"pad_token_id": 7}) == 7
    assert padding_id(tokenizer, {"pad_token_id": None}) == 0
    assert padding_id(Tokenizer.from_str(tokenizer.to_str().replace("[PAD]", "<pad>")), {}) == 0


def test_what_cannot_be_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no tokenizer"):
        read_tokenizer(tmp_path)
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n", encoding="utf-8")
    with pytest.raises(BundleError, match=r"lacks \[CLS\], \[SEP\]"):
        read_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(BundleError, match="damaged"):
        read_tokenizer(tmp_path)
