"""Small real bundles: the graph, the tokenizer and the manifest that training writes, with random weights."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from carepick.engine.manifest import Golden, Head, Label, Manifest, NgramBranch, read_manifest, write_manifest

hypothesis.settings.register_profile("carepick", deadline=None)  # tests share their machine: time says nothing
hypothesis.settings.load_profile("carepick")

TRAIN_EXTRA = ("torch", "transformers", "onnx", "sklearn", "datasketch", "pandas")

SENTENCES = (
    "머리가 아프고 열이 나요",
    "배가 아파요",
    "어제부터 기침이 나고 목이 아파요. 콧물도 조금 나요",
    "눈이 침침해요",
)
HIDDEN, LAYERS, WIDE, POSITIONS = 32, 2, 64, 64

MakeBundle = Callable[..., Path]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what asks for a small bundle, which the train extra writes too, and skips what has not what it needs."""
    for item in items:
        needed = TRAIN_EXTRA if item.get_closest_marker("train") else ()
        if "make_bundle" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.train)
            needed = needed or ("onnx",)
        missing = [name for name in needed if find_spec(name) is None]
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"needs the train extra: {', '.join(missing)} not installed"))


@pytest.fixture(scope="session")
def make_bundle(tmp_path_factory: pytest.TempPathFactory) -> MakeBundle:
    """Returns a function that writes a bundle with the heads and options it is given, and returns its folder."""

    def make(
        heads: Sequence[str] = ("disease", "department"), ngrams: bool = True, precision: str = "int8", seed: int = 0
    ) -> Path:
        folder = tmp_path_factory.mktemp("bundle")
        labels = {name: head_labels(name) for name in heads}
        table = _write_ngrams(folder) if ngrams else None
        _write_model(folder, {name: len(row) for name, row in labels.items()}, table, precision, seed)
        _write_tokenizer(folder)
        manifest = Manifest(
            name="tiny", version=f"tiny-{seed}", heads={name: Head(row) for name, row in labels.items()},
            max_tokens=24, overlap_tokens=6, pad_id=0, golden=Golden(SENTENCES[0], {}), files={}, ngrams=table,
        )  # fmt: skip
        write_manifest(manifest, folder)
        seal(folder)
        return folder

    return make


def head_labels(name: str) -> tuple[Label, ...]:
    from carepick.knowledge.catalog import load_catalog

    catalog = load_catalog()
    rows = {"disease": catalog.diseases[:7], "department": catalog.departments[:5]}
    others = {"scope": ("health", "other"), "triage": ("none", "urgent", "crisis", "danger")}
    if name in others:
        return tuple(Label(id, id) for id in others[name])
    return tuple(Label(row.id, row.name) for row in rows[name])


def seal(folder: Path, **changes: object) -> None:
    """Writes the manifest of `folder` again with the checksums of its files and `changes`."""
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    del files["manifest.json"]
    write_manifest(dataclasses.replace(read_manifest(folder), files=files, **changes), folder)  # type: ignore[arg-type]


def _write_ngrams(folder: Path) -> NgramBranch:
    from carepick.engine.ngrams import ngram_hashes

    hashes = np.unique(np.concatenate([ngram_hashes(text, 1, 3) for text in SENTENCES]))
    np.save(folder / "ngrams.npy", hashes)
    return NgramBranch("ngrams.npy", 1, 3, len(hashes))


def _write_model(folder: Path, classes: dict[str, int], table: NgramBranch | None, precision: str, seed: int) -> None:
    from carepick.training.graph import EncoderShape, build_graph, save_graph

    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.4, shape).astype(np.float32)

    sizes = {"attention.self.query": (HIDDEN, HIDDEN), "attention.self.key": (HIDDEN, HIDDEN)}
    sizes |= {"attention.self.value": (HIDDEN, HIDDEN), "attention.output.dense": (HIDDEN, HIDDEN)}
    sizes |= {"intermediate.dense": (WIDE, HIDDEN), "output.dense": (HIDDEN, WIDE)}
    norms = ["embeddings.LayerNorm"]
    weights = {"embeddings.word_embeddings.weight": draw(len(_pieces()), HIDDEN)}
    weights["embeddings.position_embeddings.weight"] = draw(POSITIONS, HIDDEN)
    weights["embeddings.token_type_embeddings.weight"] = draw(2, HIDDEN)
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
        for part, shape in sizes.items():
            weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"] = draw(*shape), draw(shape[0])
    for norm in norms:
        weights[f"{norm}.weight"], weights[f"{norm}.bias"] = np.ones(HIDDEN, np.float32), np.zeros(HIDDEN, np.float32)
    heads = {name: (draw(HIDDEN, count), draw(count)) for name, count in classes.items()}
    rows = draw(table.rows + 1, sum(classes.values())) if table else None
    if rows is not None:
        rows[0] = 0
    shape = EncoderShape(LAYERS, HIDDEN, num_attention_heads=4, layer_norm_eps=1e-12)
    save_graph(build_graph(weights, shape, heads, rows, precision), folder / "model.onnx")


def _pieces() -> list[str]:
    syllables = sorted({character for text in SENTENCES for character in text if not character.isspace()})
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *syllables]


def _write_tokenizer(folder: Path) -> None:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({piece: id for id, piece in enumerate(_pieces())}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
