"""The networks in one file: word embeddings, an encoder (`cell`), masked pooling, and the class
layer.

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

UNKNOWN = 1  # the id of a word that is not in the vocabulary
RECURRENT = ("lstm", "gru", "layernorm_lstm")
# What each cell can be pooled by; the first one is its default.
POOLINGS: dict[str, tuple[str, ...]] = {"mlp": ("mean",), "cnn": ("max",)}
POOLINGS |= dict.fromkeys(RECURRENT, ("last", "max", "mean", "attention"))
ACTIVATIONS = {"relu": nn.ReLU, "mish": nn.Mish, "tanh": nn.Tanh}


class RnnConfig(PreTrainedConfig):
    """Shape of a network.

    Args:
        vocab_size: rows of the embedding table; 0 is padding, 1 an unknown word.
        cell: lstm, gru, layernorm_lstm (Ba et al. 2016), mlp (on the mean of the words) or cnn (Kim
            2014).
        hidden_size: units of a recurrent layer and direction.
        num_layers: recurrent layers.
        bidirectional: whether the recurrent layers read in both directions.
        pooling: how a recurrent cell's states become one vector: last, max, mean or attention (Yang
            et al. 2016); None: the cell's default.
        mlp_sizes: widths of the mlp's layers.
        cnn_widths: words that a filter spans.
        cnn_filters: filters of each width.
        head_size: width of a hidden layer before the class layer; 0: none.
        activation: of the mlp and the hidden layer: relu, mish or tanh.
        word_dropout: share of the words that training reads as unknown (Iyyer et al. 2015), so that
            there is a vector for those.
        embedding_dropout: on the words' vectors.
        layer_dropout: between the recurrent layers.
        head_dropout: before the class layer.
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
        # Lists, as config.json gives them back.
        self.mlp_sizes = list(self.mlp_sizes)
        self.cnn_widths = list(self.cnn_widths)
        super().__post_init__(**kwargs)


def check_shape(config: RnnConfig):
    """Refuse a shape that no network can have; the message begins with the flag.

    Raises:
        ValueError: as a training flag's own check does.
    """
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
        sizes = getattr(config, name)
        if not sizes or min(sizes) < 1:
            raise ValueError(f"--{name} {sizes}: give one or more numbers from 1 on")
    if config.head_size < 0:
        raise ValueError(
            f"--head_size {config.head_size}: give the width of a hidden layer, or 0 for none"
        )
    for name in ("word_dropout", "embedding_dropout", "layer_dropout", "head_dropout"):
        share = getattr(config, name)
        if not 0 <= share < 1:
            raise ValueError(f"--{name} {share}: give a share from 0 on and below 1")


class RnnForSequenceClassification(PreTrainedModel):
    """A text classifier of any of these shapes; logits out, cross-entropy when labels are given."""

    config: RnnConfig
    config_class = RnnConfig
    base_model_prefix = "encoder"
    # Or Trainer would leave out the division by gradient_accumulation_steps.
    accepts_loss_kwargs = False

    def __init__(self, config: RnnConfig):
        super().__init__(config)
        self.embedding = nn.Embedding(
            config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id
        )
        self.embedding.weight.requires_grad_(not config.freeze_embeddings)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.encoder: MeanMlp | Cnn | Recurrent
        if config.cell == "mlp":
            self.encoder = MeanMlp(config)
        elif config.cell == "cnn":
            self.encoder = Cnn(config)
        else:
            self.encoder = Recurrent(config)

        size = self.encoder.output_size
        hidden: list[nn.Module] = []
        if config.head_size:
            hidden = [nn.Linear(size, config.head_size), ACTIVATIONS[config.activation]()]
            size = config.head_size
        self.head = nn.Sequential(*hidden, nn.Dropout(config.head_dropout))
        self.classifier = nn.Linear(size, config.num_labels)  # type: ignore[arg-type]  # never None
        self.post_init()

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        """As of any transformers model, but a frozen embedding table stays frozen."""
        # Loading makes every weight trainable.
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
        if input_ids.shape[1] == 0:  # nothing but empty texts: one padding word each
            input_ids = input_ids.new_zeros((len(input_ids), 1), dtype=torch.long)
            attention_mask = None
        if self.training and self.config.word_dropout:
            unread = torch.rand(input_ids.shape, device=input_ids.device) < self.config.word_dropout
            unread &= input_ids != self.config.pad_token_id
            input_ids = input_ids.masked_fill(unread, UNKNOWN)

        if attention_mask is None and by_word_pays(self.config, self.training, input_ids):
            states = states_by_word(self.encoder.rnn, self.embedding, input_ids)
            return self.encoder.pool(states, None)

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
        # Dropout is between layers: torch warns of one that has no place.
        dropout = config.layer_dropout if config.num_layers > 1 else 0.0
        shape = (config.embedding_size, config.hidden_size, config.num_layers)
        self.rnn: nn.RNNBase | LayerNormLstm
        if config.cell == "layernorm_lstm":
            self.rnn = LayerNormLstm(*shape, bidirectional=config.bidirectional, dropout=dropout)
        else:
            cell = nn.LSTM if config.cell == "lstm" else nn.GRU
            self.rnn = cell(
                *shape, batch_first=True, bidirectional=config.bidirectional, dropout=dropout
            )
        self.pooling = config.pooling
        self.bidirectional = config.bidirectional
        size = config.hidden_size * (2 if config.bidirectional else 1)
        self.output_size = size
        if config.pooling == "attention":
            self.attention = nn.Sequential(
                nn.Linear(size, size), nn.Tanh(), nn.Linear(size, 1, bias=False)
            )

    def forward(self, x, lengths):
        """x: (batch, seq, embedding); lengths: (batch,), or None where nothing is padded; returns
        (batch, size).
        """
        if isinstance(self.rnn, LayerNormLstm):
            states = self.rnn(x, lengths)
        elif lengths is None:
            states, _ = self.rnn(x)
        else:
            packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
            states, _ = self.rnn(packed)
            states, _ = pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])
        return self.pool(states, lengths)  # states: (batch, seq, size)

    def pool(self, states, lengths):
        """One vector a text (batch, size) from its words' states (batch, seq, size)."""
        batch, seq, size = states.shape
        if lengths is None:
            lengths = torch.full((batch,), seq, device=states.device)
        if self.pooling == "last":
            end = states[torch.arange(batch, device=states.device), lengths - 1]  # (batch, size)
            if not self.bidirectional:
                return end
            half = size // 2
            begin = states[:, 0]  # where the backward direction ends
            return torch.cat([end[:, :half], begin[:, half:]], 1)

        padding = torch.arange(seq, device=states.device) >= lengths[:, None]  # (batch, seq)
        if self.pooling == "max":
            return states.masked_fill(padding[..., None], -torch.inf).amax(1)
        words = states.masked_fill(padding[..., None], 0)
        if self.pooling == "mean":
            return words.sum(1) / lengths[:, None]
        scores = self.attention(states).squeeze(-1)  # (batch, seq)
        weights = scores.masked_fill(padding, -torch.inf).softmax(1)
        return (weights[..., None] * words).sum(1)


class LayerNormLstm(nn.Module):
    """Stacked LSTM with layer normalisation of the input, recurrent and cell terms, one layer a
    direction; its arguments are those of `nn.LSTM(batch_first=True)`.
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
        """x: (batch, seq, input); lengths: (batch,) or None; returns (batch, seq, size)."""
        for number, directions in enumerate(self.layers):
            if number > 0:
                x = self.dropout(x)
            states = [directions[0](x)]
            if len(directions) == 2:
                backward = directions[1](reverse(x, lengths))
                states.append(reverse(backward, lengths))
            x = torch.cat(states, -1)
        return x


class LayerNormLstmLayer(nn.Module):
    """One direction of one layer: gates LN(W x) + LN(U h) + b, cell LN(f ⊙ c + i ⊙ g).

    Ba et al. 2016, except that the next step takes the normalised cell, as in TensorFlow Addons and
    torch's benchmarks; the paper normalises it on the way out alone (its eq. 22).
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.input = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.recurrent = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.input_norm = nn.LayerNorm(4 * hidden_size)
        self.recurrent_norm = nn.LayerNorm(4 * hidden_size)
        self.cell_norm = nn.LayerNorm(hidden_size)

    def reset_parameters(self):
        size = len(self.bias) // 4
        nn.init.zeros_(self.bias)
        nn.init.ones_(self.bias[size : 2 * size])  # the forget gate starts open

    def forward(self, x):
        """x: (batch, seq, input), padded at the right; returns states (batch, seq, hidden)."""
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
        layers: list[nn.Module] = []
        for size_in, size_out in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(size_in, size_out), ACTIVATIONS[config.activation]()]
        self.layers = nn.Sequential(*layers)
        self.output_size = sizes[-1]

    def forward(self, x, lengths):
        """x: (batch, seq, embedding), zero at padding; returns (batch, size)."""
        n_words = x.shape[1] if lengths is None else lengths[:, None]
        return self.layers(x.sum(1) / n_words)


class Cnn(nn.Module):
    """Filters of several widths over the words, and each one's largest response."""

    def __init__(self, config: RnnConfig):
        super().__init__()
        self.filters = nn.ModuleList(
            nn.Conv1d(config.embedding_size, config.cnn_filters, width)
            for width in config.cnn_widths
        )
        self.output_size = config.cnn_filters * len(config.cnn_widths)

    def forward(self, x, lengths):
        """x: (batch, seq, embedding), zero at padding; returns (batch, widths · filters).

        A text shorter than a filter is padded to its width; of longer ones, windows that reach
        into the padding are not looked at.
        """
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1], device=x.device)
        x = x.transpose(1, 2)  # (batch, embedding, seq)
        found = []
        for convolution in self.filters:
            width = convolution.kernel_size[0]
            padded = F.pad(x, (0, max(0, width - x.shape[2])))
            responses = F.relu(convolution(padded))  # (batch, filters, windows)
            n_windows = (lengths - width + 1).clamp(min=1)  # (batch,)
            places = torch.arange(responses.shape[2], device=x.device)
            beyond = places >= n_windows[:, None]  # (batch, windows)
            # No response is below 0, so that 0 never wins over one.
            found.append(responses.masked_fill(beyond[:, None], 0).amax(2))
        return torch.cat(found, 1)
