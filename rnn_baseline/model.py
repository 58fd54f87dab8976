"""The room's networks in one file: word embeddings, an encoder (`cell`), masked pooling, and the
class layer.

Padding never changes an output: every cell and pooling looks at the words of a text alone. A text
without words is read as one padding word, whose embedding is zero.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from rnn_baseline.lstm_cpu import by_word_pays, states_by_word

UNKNOWN = 1
RECURRENT = ("lstm", "gru", "layernorm_lstm")
POOLINGS = {"lstm": ("last", "max", "mean", "attention"), "mlp": ("mean",), "cnn": ("max",)}
POOLINGS |= dict.fromkeys(RECURRENT, POOLINGS["lstm"])  # the first one of each is its default
ACTIVATIONS = {"relu": nn.ReLU, "mish": nn.Mish, "tanh": nn.Tanh}


class RnnConfig(PreTrainedConfig):
    """Shape of a network.

    Args:
        vocab_size: rows of the embedding table; 0 is padding, 1 an unknown word.
        cell: lstm, gru, layernorm_lstm (Ba et al. 2016), mlp (on the mean of the words) or cnn (Kim
            2014).
        hidden_size, num_layers, bidirectional, layer_dropout: of the recurrent cells; dropout
            between their layers.
        pooling: how a recurrent cell's states become one vector: last, max, mean or attention (Yang
            et al. 2016).
        mlp_sizes: widths of the mlp's layers. cnn_widths, cnn_filters: words a filter spans,
            filters of each width.
        head_size: width of a hidden layer before the class layer; 0: none. activation: relu, mish
            or tanh.
        word_dropout: share of the words that training reads as unknown (Iyyer et al. 2015), so that
            there is a vector for those. embedding_dropout, head_dropout: on the words' vectors, and
            before the class layer.
        freeze_embeddings: the embedding table is not trained.

    Raises:
        ValueError: a value that no network can have.
    """

    model_type = "rnn_baseline"

    vocab_size: int = 2
    embedding_size: int = 300
    cell: str = "lstm"
    hidden_size: int = 128
    num_layers: int = 1
    bidirectional: bool = False
    pooling: str | None = None
    mlp_sizes: list[int] | tuple[int, ...] = (1024, 2048, 4096, 2048)
    cnn_widths: list[int] | tuple[int, ...] = (2, 3, 4)
    cnn_filters: int = 100
    head_size: int = 0
    activation: str = "relu"
    word_dropout: float = 0.0
    embedding_dropout: float = 0.0
    layer_dropout: float = 0.0
    head_dropout: float = 0.0
    freeze_embeddings: bool = False
    pad_token_id: int | None = 0

    def __post_init__(self, **kwargs):
        check_shape(self)
        self.pooling = self.pooling or POOLINGS[self.cell][0]
        self.mlp_sizes, self.cnn_widths = list(self.mlp_sizes), list(self.cnn_widths)
        super().__post_init__(**kwargs)


def check_shape(config):
    """Refuse a shape that no network can have; the message begins with the flag."""
    if config.cell not in POOLINGS:
        raise ValueError(f"--cell {config.cell!r}: choose one of {', '.join(POOLINGS)}")
    if config.pooling is not None and config.pooling not in POOLINGS[config.cell]:
        raise ValueError(
            f"--pooling {config.pooling!r}: of {config.cell} choose one of "
            f"{', '.join(POOLINGS[config.cell])}"
        )
    if config.activation not in ACTIVATIONS:
        raise ValueError(
            f"--activation {config.activation!r}: choose one of {', '.join(ACTIVATIONS)}"
        )
    for name in ("embedding_size", "hidden_size", "num_layers", "cnn_filters"):
        if getattr(config, name) < 1:
            raise ValueError(f"--{name} {getattr(config, name)}: give at least 1")
    for name in ("mlp_sizes", "cnn_widths"):
        if not getattr(config, name) or min(getattr(config, name)) < 1:
            raise ValueError(
                f"--{name} {getattr(config, name)}: give one or more numbers from 1 on"
            )
    if config.head_size < 0:
        raise ValueError(
            f"--head_size {config.head_size}: give the width of a hidden layer, or 0 for none"
        )
    for name in ("word_dropout", "embedding_dropout", "layer_dropout", "head_dropout"):
        if not 0 <= getattr(config, name) < 1:
            raise ValueError(
                f"--{name} {getattr(config, name)}: give a share from 0 on and below 1"
            )


class RnnForSequenceClassification(PreTrainedModel):
    """A text classifier of any of the room's shapes; logits out, cross-entropy when labels are
    given.
    """

    config_class = RnnConfig
    base_model_prefix = "encoder"
    accepts_loss_kwargs = False

    def __init__(self, config: RnnConfig):
        super().__init__(config)
        self.embedding = nn.Embedding(
            config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id
        )
        self.embedding.weight.requires_grad_(not config.freeze_embeddings)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        encoders = {"mlp": MeanMlp, "cnn": Cnn}
        self.encoder = encoders.get(config.cell, Recurrent)(config)
        size = self.encoder.output_size
        hidden = (
            [nn.Linear(size, config.head_size), ACTIVATIONS[config.activation]()]
            if config.head_size
            else []
        )
        self.head = nn.Sequential(*hidden, nn.Dropout(config.head_dropout))
        self.classifier = nn.Linear(config.head_size or size, config.num_labels)
        self.post_init()

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        """As of any transformers model; a frozen table stays frozen, where loading makes every
        weight trainable.
        """
        loaded = super().from_pretrained(*args, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded  # with output_loading_info
        model.embedding.weight.requires_grad_(not model.config.freeze_embeddings)
        return loaded

    def _init_weights(self, module):
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight)
            nn.init.zeros_(module.weight[module.padding_idx])
        elif hasattr(module, "reset_parameters"):  # torch's own defaults, layer by layer
            module.reset_parameters()

    def get_input_embeddings(self):
        return self.embedding

    def features(self, input_ids, attention_mask=None):
        """What the head sees of each text: (batch, size).

        Args:
            input_ids: (batch, seq) int, padded at the right. attention_mask: (batch, seq), 1 at
                words; None: no padding anywhere, which spares the mask's work.
        """
        if input_ids.shape[1] == 0:
            input_ids = input_ids.new_zeros((len(input_ids), 1), dtype=torch.long)
            attention_mask = None
        if self.training and self.config.word_dropout:
            unread = torch.rand(input_ids.shape, device=input_ids.device) < self.config.word_dropout
            input_ids = input_ids.masked_fill(
                unread & (input_ids != self.config.pad_token_id), UNKNOWN
            )
        if attention_mask is None and by_word_pays(self.config, self.training, input_ids):
            return self.encoder.pool(
                states_by_word(self.encoder.rnn, self.embedding, input_ids), None
            )
        x = self.embedding_dropout(self.embedding(input_ids))  # (batch, seq, embedding)
        if attention_mask is None:
            return self.encoder(x, None)
        lengths = attention_mask.sum(1).clamp(min=1)  # (batch,)
        words = torch.arange(x.shape[1], device=x.device) < lengths[:, None]  # (batch, seq)
        return self.encoder(x * words[..., None], lengths)

    def forward(
        self,
        input_ids,
        attention_mask=None,
        labels=None,
        output_hidden_states=None,
        return_dict=None,
    ):
        features = self.features(input_ids, attention_mask)
        logits = self.classifier(self.head(features))  # (batch, num_labels)
        loss = None if labels is None else F.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss, logits, (features,) if output_hidden_states else None)


class Recurrent(nn.Module):
    """LSTM, GRU or LayerNorm-LSTM, then one vector a text."""

    def __init__(self, config: RnnConfig):
        super().__init__()
        shape = {
            "hidden_size": config.hidden_size,
            "num_layers": config.num_layers,
            "bidirectional": config.bidirectional,
            "dropout": config.layer_dropout if config.num_layers > 1 else 0.0,
        }
        if config.cell == "layernorm_lstm":
            self.rnn = LayerNormLstm(config.embedding_size, **shape)
        else:
            rnn = {"lstm": nn.LSTM, "gru": nn.GRU}[config.cell]
            self.rnn = rnn(config.embedding_size, batch_first=True, **shape)
        self.pooling, self.bidirectional = config.pooling, config.bidirectional
        size = self.output_size = config.hidden_size * (2 if config.bidirectional else 1)
        if config.pooling == "attention":
            self.attention = nn.Sequential(
                nn.Linear(size, size), nn.Tanh(), nn.Linear(size, 1, bias=False)
            )

    def forward(self, x, lengths):
        """x: (batch, seq, embedding); lengths: (batch,) or None where nothing is padded; returns
        (batch, size).
        """
        if isinstance(self.rnn, LayerNormLstm):
            states = self.rnn(x, lengths)
        elif lengths is None:
            states, _ = self.rnn(x)
        else:
            packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(
                self.rnn(packed)[0], batch_first=True, total_length=x.shape[1]
            )
        return self.pool(states, lengths)  # states: (batch, seq, size)

    def pool(self, states, lengths):
        batch, seq, size = states.shape
        if lengths is None:
            lengths = torch.full((batch,), seq, device=states.device)
        if self.pooling == "last":
            end = states[torch.arange(batch, device=states.device), lengths - 1]  # (batch, size)
            half = size // 2  # the backward direction ends at the first word
            return torch.cat([end[:, :half], states[:, 0, half:]], 1) if self.bidirectional else end
        padding = torch.arange(seq, device=states.device) >= lengths[:, None]  # (batch, seq)
        if self.pooling == "mean":
            return states.masked_fill(padding[..., None], 0).sum(1) / lengths[:, None]
        if self.pooling == "max":
            return states.masked_fill(padding[..., None], -torch.inf).amax(1)
        weights = (
            self.attention(states).squeeze(-1).masked_fill(padding, -torch.inf).softmax(1)
        )  # (batch, seq)
        return (weights[..., None] * states.masked_fill(padding[..., None], 0)).sum(1)


class LayerNormLstm(nn.Module):
    """Stacked LSTM with layer normalisation of the input, recurrent and cell terms, one layer a
    direction.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        dropout: float,
    ):
        super().__init__()
        directions = 2 if bidirectional else 1
        sizes = [input_size] + [hidden_size * directions] * (num_layers - 1)
        self.layers = nn.ModuleList(
            nn.ModuleList(LayerNormLstmLayer(size, hidden_size) for _ in range(directions))
            for size in sizes
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, lengths):
        for number, directions in enumerate(self.layers):
            x = self.dropout(x) if number else x
            states = [directions[0](x)]
            if len(directions) == 2:
                states.append(reverse(directions[1](reverse(x, lengths)), lengths))
            x = torch.cat(states, -1)
        return x


class LayerNormLstmLayer(nn.Module):
    """One direction of one layer: gates LN(W x) + LN(U h) + b, cell LN(f ⊙ c + i ⊙ g).

    Ba et al. 2016, but for the normalised cell going on to the next step too, as in TensorFlow
    Addons and torch's benchmarks; the paper normalises it on the way out alone (its eq. 22).
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.input = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.recurrent = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.input_norm, self.recurrent_norm = (
            nn.LayerNorm(4 * hidden_size),
            nn.LayerNorm(4 * hidden_size),
        )
        self.cell_norm = nn.LayerNorm(hidden_size)

    def reset_parameters(self):
        size = len(self.bias) // 4
        nn.init.zeros_(self.bias)
        nn.init.ones_(self.bias[size : 2 * size])  # the forget gate starts open

    def forward(self, x):
        """x: (batch, seq, input), returns states (batch, seq, hidden); padding at the right comes
        after all words.
        """
        given = self.input_norm(self.input(x)) + self.bias  # (batch, seq, 4 · hidden)
        hidden = cell = x.new_zeros(len(x), given.shape[-1] // 4)
        states = []
        for step in given.unbind(1):
            gates = step + self.recurrent_norm(self.recurrent(hidden))
            i, f, g, o = gates.chunk(4, -1)
            cell = self.cell_norm(f.sigmoid() * cell + i.sigmoid() * g.tanh())
            hidden = o.sigmoid() * cell.tanh()
            states.append(hidden)
        return torch.stack(states, 1)


def reverse(x, lengths):
    """Each row's words in the opposite order, padding left where it is: (batch, seq, size)."""
    if lengths is None:
        return x.flip(1)
    places = torch.arange(x.shape[1], device=x.device)[None]  # (1, seq)
    places = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    return x.gather(1, places[..., None].expand_as(x))


class MeanMlp(nn.Module):
    """Fully connected layers on the mean of a text's word vectors."""

    def __init__(self, config: RnnConfig):
        super().__init__()
        sizes = [config.embedding_size, *config.mlp_sizes]
        layers = []
        for size_in, size_out in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(size_in, size_out), ACTIVATIONS[config.activation]()]
        self.layers = nn.Sequential(*layers)
        self.output_size = sizes[-1]

    def forward(self, x, lengths):
        """x: (batch, seq, embedding), zero at padding; returns (batch, size)."""
        total = x.sum(1)
        return self.layers(total / (x.shape[1] if lengths is None else lengths[:, None]))


class Cnn(nn.Module):
    """Filters of several widths over the words, and each one's greatest response."""

    def __init__(self, config: RnnConfig):
        super().__init__()
        self.filters = nn.ModuleList(
            nn.Conv1d(config.embedding_size, config.cnn_filters, width)
            for width in config.cnn_widths
        )
        self.output_size = config.cnn_filters * len(config.cnn_widths)

    def forward(self, x, lengths):
        """x: (batch, seq, embedding), zero at padding; returns (batch, widths · filters).

        A text shorter than a filter is padded to its width; windows that begin in the padding are
        not looked at.
        """
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1], device=x.device)
        x = x.transpose(1, 2)  # (batch, embedding, seq)
        found = []
        for convolution in self.filters:
            width = convolution.kernel_size[0]
            responses = F.relu(
                convolution(F.pad(x, (0, max(0, width - x.shape[2]))))
            )  # (batch, filters, windows)
            windows = (lengths - width + 1).clamp(min=1)
            beyond = (
                torch.arange(responses.shape[2], device=x.device) >= windows[:, None]
            )  # (batch, windows)
            found.append(responses.masked_fill(beyond[:, None], 0).amax(2))
        return torch.cat(found, 1)
