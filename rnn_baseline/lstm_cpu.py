"""A small LSTM on a CPU, faster than the library's own layer: each different word of a batch is
multiplied once.
"""

import torch
import torch.nn.functional as F
from torch import nn

MAX_HIDDEN_SIZE, MIN_BATCH_SIZE = (
    128,
    32,
)  # beyond them the library's layer is as fast or faster, measured


def by_word_pays(config, training: bool, input_ids) -> bool:
    """Whether `states_by_word` gives the same states sooner: one small LSTM layer without dropout
    on its input, many texts, a CPU; not while compiling or exporting, where shapes must not depend
    on the words.
    """
    dropped = training and config.embedding_dropout > 0
    small = (
        config.cell == "lstm" and config.num_layers == 1 and config.hidden_size <= MAX_HIDDEN_SIZE
    )
    return (
        small
        and not dropped
        and len(input_ids) >= MIN_BATCH_SIZE
        and input_ids.device.type == "cpu"
        and not torch.compiler.is_compiling()
    )


def states_by_word(rnn: nn.LSTM, embedding: nn.Embedding, input_ids):
    """The states (batch, seq, size) of a one-layer LSTM where nothing is padded.

    A word's share in the gates is computed once a batch, however often it occurs: four fifths of
    the work of a small LSTM on wide vectors, and a batch of titles has two or three times as many
    words as different ones.
    """
    ends = ("", "_reverse") if rnn.bidirectional else ("",)
    weights = {
        name: [getattr(rnn, f"{name}_l0{end}") for end in ends]
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    recurrent = torch.stack(weights["weight_hh"]).transpose(
        1, 2
    )  # (directions, hidden, 4 · hidden)
    bias = torch.cat(weights["bias_ih"]) + torch.cat(weights["bias_hh"])
    words, places = input_ids.t().unique(return_inverse=True)  # (words,), (seq, batch)
    table = F.linear(
        embedding(words), torch.cat(weights["weight_ih"]), bias
    )  # (words, directions · 4 · hidden)
    given = [
        F.embedding(places.flip(0) if end else places, part)
        for end, part in zip(ends, table.chunk(len(ends), 1), strict=True)
    ]
    cell = hidden = table.new_zeros(len(ends), len(input_ids), rnn.hidden_size)
    states = []
    for gates in torch.stack(given, 1).unbind(0):  # (directions, batch, 4 · hidden)
        i, f, g, o = torch.baddbmm(gates, hidden, recurrent).chunk(4, -1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        states.append(hidden)
    found = torch.stack(states)  # (seq, directions, batch, hidden)
    return torch.cat(
        [found[:, k].flip(0) if end else found[:, k] for k, end in enumerate(ends)], -1
    ).transpose(0, 1)
