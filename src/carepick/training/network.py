"""The network that is fine-tuned: the lower layers of a BERT encoder, mean pooling, one linear head a task."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from transformers import BertConfig, BertModel

from carepick.errors import TrainingError


class MultiTaskEncoder(nn.Module):
    """A BERT encoder with a linear head for each task on the mean of its last hidden states."""

    def __init__(self, encoder: BertModel, label_counts: dict[str, int], dropout: float = 0.1) -> None:
        """`label_counts`: task name to number of classes."""
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({task: nn.Linear(encoder.config.hidden_size, n) for task, n in label_counts.items()})

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Returns the mean hidden state over the tokens of each text: (batch, hidden) float32.

        `input_ids` and `attention_mask`: (batch, tokens) int64, the mask 1 for tokens and 0 for padding.
        """
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Returns the logits of each task: (batch, classes)."""
        pooled = self.dropout(self.embed(input_ids, attention_mask))
        return {task: head(pooled) for task, head in self.heads.items()}


def load_encoder(directory: Path, layers: int | None = None) -> BertModel:
    """Returns the encoder in `directory` (config.json, model.safetensors) with its lowest `layers` layers, or all.

    Raises `TrainingError` when the directory holds no weights, or fewer layers than asked for.
    """
    if not any((directory / name).exists() for name in ("model.safetensors", "pytorch_model.bin")):
        raise TrainingError(f"{directory} holds no weights: expected model.safetensors or pytorch_model.bin in it")
    config = BertConfig.from_pretrained(directory)
    if layers is not None:
        if not 1 <= layers <= config.num_hidden_layers:
            raise TrainingError(f"layers must lie within 1..{config.num_hidden_layers} for this encoder, not {layers}")
        config.num_hidden_layers = layers
    encoder: BertModel = BertModel.from_pretrained(directory, config=config, add_pooling_layer=False)
    return encoder.float()  # a base may be stored in half precision


def freeze_lower(network: MultiTaskEncoder, layers: int) -> None:
    """Keeps the embeddings and the lowest `layers` layers as pretrained: they need no gradient, which saves time."""
    for module in (network.encoder.embeddings, *network.encoder.encoder.layer[:layers]):
        module.requires_grad_(False)
