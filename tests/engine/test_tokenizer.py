"""Texts to windows: nothing unread without saying so, and the way back to the characters."""

from __future__ import annotations

import gc
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import SENTENCES, MakeBundle, seal

from carepick.engine.bundle import DEFAULT_BUNDLE, open_bundle
from carepick.engine.tokenizer import _IN_USE, WindowTokenizer, _read_tokenizer, pad, pad_ngrams
from carepick.errors import BundleError

LONG = " ".join(SENTENCES * 4)


@pytest.fixture(scope="module")
def folder(make_bundle: MakeBundle) -> Path:
    return make_bundle()


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> WindowTokenizer:
    return WindowTokenizer(open_bundle(folder), max_windows=16)


def test_a_short_text_is_one_window(tokenizer: WindowTokenizer) -> None:
    encoded = tokenizer.encode("배가 아파요")
    [window] = encoded.windows
    assert not encoded.truncated
    assert window.input_ids[[0, -1]].tolist() == [2, 3]
    assert encoded.tokens == len(window.input_ids) == 7
    assert ["배가 아파요"[start:end] for start, end in window.token_spans] == ["", *"배가아파요", ""]


def test_windows_overlap_and_leave_nothing_out(tokenizer: WindowTokenizer) -> None:
    encoded = tokenizer.encode(LONG)
    assert len(encoded.windows) > 2
    assert not encoded.truncated
    assert all(len(window.input_ids) <= 24 for window in encoded.windows)
    assert all(window.input_ids[[0, -1]].tolist() == [2, 3] for window in encoded.windows)
    read = [set(map(tuple, window.token_spans[1:-1].tolist())) for window in encoded.windows]
    assert set.union(*read) == {(place, place + 1) for place, letter in enumerate(LONG) if letter != " "}
    assert all(len(one & other) == 6 for one, other in itertools.pairwise(read))


def test_every_window_has_the_ngrams_of_the_whole_text(tokenizer: WindowTokenizer) -> None:
    first, *others = tokenizer.encode(LONG).windows
    assert len(first.ngram_ids) == len(first.ngram_values) > 10
    assert all(other.ngram_ids is first.ngram_ids for other in others)


@pytest.mark.parametrize("length", range(18, 60))
def test_no_window_without_new_words(tokenizer: WindowTokenizer, length: int) -> None:
    encoded = tokenizer.encode("가" * length)
    assert len(encoded.windows) == max(1, -(-(length - 6) // 16))
    assert int(encoded.windows[-1].token_spans.max()) == length


def test_words_after_the_last_window_are_reported(folder: Path) -> None:
    encoded = WindowTokenizer(open_bundle(folder), max_windows=2).encode(LONG)
    assert len(encoded.windows) == 2
    assert encoded.truncated


def test_exactly_as_many_windows_as_allowed(folder: Path) -> None:
    tokenizer = WindowTokenizer(open_bundle(folder), max_windows=2)
    assert not tokenizer.encode("가" * 38).truncated
    assert tokenizer.encode("가" * 39).truncated


def test_unknown_letters_are_tokens_too(tokenizer: WindowTokenizer) -> None:
    assert tokenizer.encode("😀😀").windows[0].input_ids.tolist() == [2, 1, 1, 3]


def test_padding(tokenizer: WindowTokenizer) -> None:
    windows = [tokenizer.encode(text).windows[0] for text in ("배가", "배가 아파요")]
    ids, mask = pad(windows, pad_id=9)
    assert ids.tolist()[0] == [*windows[0].input_ids.tolist(), 9, 9, 9]
    assert mask.sum(1).tolist() == [4, 7]
    rows, values = pad_ngrams(windows)
    assert rows.shape == values.shape == (2, len(windows[1].ngram_ids))
    assert not rows[0, len(windows[0].ngram_ids) :].any()
    np.testing.assert_array_equal(values[1], windows[1].ngram_values)


def test_refuses_what_is_no_tokenizer(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    (folder / "tokenizer.json").write_text("{}")
    seal(folder)
    with pytest.raises(BundleError, match=r"tokenizer\.json cannot be read"):
        WindowTokenizer(open_bundle(folder), 1)


def test_refuses_a_tokenizer_without_special_tokens(make_bundle: MakeBundle) -> None:
    folder = make_bundle()
    document = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**document, "post_processor": None}))
    seal(folder)
    with pytest.raises(BundleError, match="no special tokens"):
        WindowTokenizer(open_bundle(folder), 1)


def test_the_shipped_tokenizer_can_be_told_to_keep_no_words() -> None:
    """Were the library's switch renamed, words that patients typed would be kept without a sign of it."""
    tokenizer = _read_tokenizer(open_bundle(DEFAULT_BUNDLE))
    assert hasattr(tokenizer.model, "_resize_cache")
    assert tokenizer.encode("머리가 아파요").tokens == tokenizer.encode("머리가 아파요").tokens


def test_bundles_of_one_base_share_its_tokenizer_while_they_are_loaded(make_bundle: MakeBundle) -> None:
    one, other = (WindowTokenizer(open_bundle(make_bundle([task])), 16) for task in ("disease", "department"))
    assert one._tokenizer is other._tokenizer
    checksum = open_bundle(make_bundle()).manifest.files["tokenizer.json"]
    assert checksum in _IN_USE
    folder = make_bundle()
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    document["model"]["vocab"]["새말"] = len(document["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    seal(folder)
    third = WindowTokenizer(open_bundle(folder), 16)
    assert third._tokenizer is not one._tokenizer
    own = open_bundle(folder).manifest.files["tokenizer.json"]
    assert own in _IN_USE
    del third
    gc.collect()
    assert own not in _IN_USE
