"""The pretrained BERT that a classifier starts from: a local directory, or a name on the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import BertForSequenceClassification
from transformers.utils import logging

from carepick.errors import BundleError, TrainingError
from carepick.training.original_reader import WEIGHT_NAMES, read_config
from carepick.training.tokenizer_files import read_tokenizer

_WANTED_FILES = ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", *WEIGHT_NAMES]
_NEW_PARTS = ("classifier.", "bert.pooler.")  # a base need not have them: they are learnt
_ENCODER_LAYER = re.compile(r"(bert\.)?encoder\.layer\.\d+\.")


def find_base(base: str) -> Path:
    """Returns the local directory of `base`, downloaded where it is a name on the hub.

    Raises `TrainingError` when it is neither a directory nor to be had from the hub.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if Path(base).is_dir():
        return Path(base)
    try:
        return Path(snapshot_download(base, allow_patterns=_WANTED_FILES))
    except HFValidationError:
        raise TrainingError(f"--base {base}: there is no such directory") from None
    except LocalEntryNotFoundError:
        reason = "the Hugging Face hub cannot be reached and no copy is kept here"
        raise TrainingError(f"--base {base}: {reason}: give a local directory instead") from None
    except HfHubHTTPError as error:
        answer = f"the Hugging Face hub answered {error.response.status_code if error.response is not None else error}"
        raise TrainingError(f"--base {base}: {answer}: give a local directory instead") from None
    except OSError as error:
        raise TrainingError(f"--base {base}: the download failed ({error}): give a local directory instead") from None


def load_base(folder: Path, classes: int) -> tuple[Any, Tokenizer]:
    """Returns a BertForSequenceClassification with a new head of `classes` classes on the encoder in `folder`, and
    its tokenizer.

    Raises `TrainingError` when the folder holds no whole BERT: no weights, damaged ones, or another model's.
    """
    try:
        kind = read_config(folder).get("model_type")
        tokenizer = read_tokenizer(folder)
    except BundleError as error:
        raise TrainingError(f"the base cannot be used: {error}") from None
    if kind != "bert":
        raise TrainingError(f"the base {folder} is a {kind}: the original recipes need a BERT")
    if not any((folder / name).exists() for name in WEIGHT_NAMES):
        raise TrainingError(f"the base {folder} holds no weights: expected {' or '.join(WEIGHT_NAMES)} in it")
    model = _load_model(folder, classes)
    if tokenizer.get_vocab_size() > model.config.vocab_size:
        raise TrainingError(
            f"the base {folder}: its tokenizer has more pieces than its model: they do not belong together"
        )
    return model, tokenizer


def _load_model(folder: Path, classes: int) -> Any:
    library: Any = logging
    library.set_verbosity_error()  # that the head is new is what is wanted here
    library.disable_progress_bar()  # one for each checkpoint would tear the bar of the training apart
    load: Any = BertForSequenceClassification.from_pretrained
    try:
        model, loading = load(
            folder, num_labels=classes, ignore_mismatched_sizes=True, output_loading_info=True, local_files_only=True
        )
    except Exception as error:  # the libraries raise many kinds for files that are cut short or of another shape
        raise TrainingError(f"the base {folder} is damaged or cut short, copy it again: {_line(error)}") from None
    _check_encoder(folder, loading)
    return model.float()  # as it is trained: a base may be stored in half precision, in which small steps are lost


def _check_encoder(folder: Path, loading: dict[str, Any]) -> None:
    """Raises `TrainingError` when a weight of the encoder would be drawn at random, or left unread, without a word."""
    missing = sorted(name for name in loading["missing_keys"] if not name.startswith(_NEW_PARTS))
    if missing:
        raise TrainingError(
            f"the base {folder} is no whole BERT encoder: {len(missing)} weights lack, {missing[0]} first"
        )
    # A head of another task is thrown away anyhow; a pooler of another size says that the encoder is of another size too.
    unfit = sorted(name for name, *_ in loading["mismatched_keys"] if not name.startswith("classifier."))
    if unfit:
        raise TrainingError(
            f"the base {folder}: {len(unfit)} weights have another size than its config.json says, {unfit[0]} first: "
            "they do not belong together, copy config.json and the weights again from one model"
        )
    unread = sorted(name for name in loading["unexpected_keys"] if _ENCODER_LAYER.match(name))
    if unread:
        raise TrainingError(
            f"the base {folder}: {len(unread)} weights belong to layers that its config.json does not count, "
            f"{unread[0]} first: set num_hidden_layers to what the weights have"
        )


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200] or type(error).__name__
