"""Seeded random classifiers of the original structure: routes, benchmarks and tests run before any training.

The vocabulary is made up as well (syllables, jamo, ASCII and their ## pieces), so nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carepick.records import Task
from carepick.training.catalog_names import label_ids, plain_sentences
from carepick.training.importer import ImportSettings, import_classifier
from carepick.training.original_writer import write_checkpoint, write_directory
from carepick.training.saved_classifier import Array, SavedClassifier, weight_shapes
from carepick.training.tokenizer_files import wordpiece_tokenizer

NOISE_CLASS = "(a stray class that is no disease)"
DISEASE_CLASSES = 146  # as many of the catalog's diseases as the original model knew

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_EMBEDDING_SPREAD = 0.02
# Matrices are spread by their width and the head wider still: with BERT's 0.02 throughout, the first token hears so
# little of the others that every text gets the same answer.
_GAIN, _HEAD_GAIN = 2.0, 8.0


@dataclass(frozen=True)
class DummySize:
    """The sizes of a random BERT, as config.json names them."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int


SIZES = {
    "tiny": DummySize(5000, 32, 2, 2, 64),
    "km-bert": DummySize(16424, 768, 12, 12, 3072),
}


@dataclass(frozen=True)
class DummyOrder:
    """Which random models are written: size tiny or km-bert; format pt, hf, bundle or all; quantize int8 or none."""

    size: str
    seed: int
    format: str
    quantize: str = "int8"
    noise_class: bool = False


def write_dummies(out: Path, order: DummyOrder) -> list[Path]:
    """Writes a disease and a department model to the folder `out`, and returns where each lies.

    The disease model in its original format is `out`/disease/disease.pt, the department model the directory
    `out`/department; the bundles are `out`/disease-bundle and `out`/department-bundle.
    """
    written = []
    for task in Task:
        names = list(label_ids(task))[: DISEASE_CLASSES if task is Task.DISEASE else None]
        stray = (NOISE_CLASS,) if order.noise_class and task is Task.DISEASE else ()
        classifier = random_classifier(SIZES[order.size], (*names, *stray), order.seed + list(Task).index(task))
        wanted = ("pt", "all") if task is Task.DISEASE else ("hf", "all")
        if order.format in wanted:
            folder = out / task.value
            folder.mkdir(parents=True, exist_ok=True)
            written.append((write_checkpoint if task is Task.DISEASE else write_directory)(classifier, folder))
        if order.format in ("bundle", "all"):
            settings = ImportSettings(task, f"dummy-{task.value}-{order.size}", stray, order.quantize)
            bundle = out / f"{task.value}-bundle"
            import_classifier(classifier, bundle, settings, label_ids(task), plain_sentences())
            written.append(bundle)
    return written


def random_classifier(size: DummySize, labels: tuple[str, ...], seed: int) -> SavedClassifier:
    """Returns a BertForSequenceClassification with random weights, the same ones for the same arguments."""
    config: dict[str, Any] = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "pad_token_id": 0,
        "vocab_size": size.vocab_size,
        "hidden_size": size.hidden_size,
        "num_hidden_layers": size.num_hidden_layers,
        "num_attention_heads": size.num_attention_heads,
        "intermediate_size": size.intermediate_size,
    }
    rng = np.random.default_rng(seed)
    weights = {name: _draw(name, shape, rng) for name, shape in weight_shapes(config, len(labels)).items()}
    vocabulary = {piece: number for number, piece in enumerate(synthetic_pieces(size.vocab_size))}
    return SavedClassifier(weights, config, labels, wordpiece_tokenizer(vocabulary), {"random_seed": seed})


def synthetic_pieces(count: int) -> list[str]:
    """Returns `count` different WordPiece pieces: special tokens, ASCII, jamo and syllables, each also as ## piece.

    The syllables of KS X 1001, which everyday text is written in, come first.
    """
    ascii_characters = [chr(code) for code in range(0x21, 0x7F)]
    jamo = [chr(code) for code in range(0x3131, 0x3164)]
    syllables = sorted(
        (chr(code) for code in range(0xAC00, 0xD7A4)), key=lambda syllable: (_is_rare(syllable), syllable)
    )
    pieces = list(_SPECIAL)
    for character in ascii_characters + jamo + syllables:
        pieces += [character, f"##{character}"]
    if count > len(pieces):
        raise ValueError(f"at most {len(pieces)} pieces")
    return pieces[:count]


def _is_rare(syllable: str) -> bool:
    try:
        return len(syllable.encode("euc-kr")) != 2
    except UnicodeEncodeError:
        return True


def _draw(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if name.endswith("bias"):
        return np.zeros(shape, np.float32)
    if "LayerNorm" in name:
        return np.ones(shape, np.float32)
    gain = _HEAD_GAIN if name.startswith("classifier.") else _GAIN
    spread = _EMBEDDING_SPREAD if "embeddings" in name else gain / np.sqrt(shape[1])
    return rng.standard_normal(shape, np.float32) * np.float32(spread)
