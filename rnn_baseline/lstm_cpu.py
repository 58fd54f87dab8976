"""A small LSTM on a CPU, faster than torch's own layer: the input weights are applied once to each
different word of a batch.
"""

import torch
import torch.nn.functional as F
from torch import nn

# Wider, or on fewer texts, torch's own layer is as fast or faster (docs/log).
MAX_HIDDEN_SIZE = 128
MIN_BATCH_SIZE = 32


def by_word_pays(config, training: bool, input_ids) -> bool:
    """Whether `states_by_word` gives the same states of `input_ids` (batch, seq) sooner."""
    one_small_layer = (
        config.cell == "lstm" and config.num_layers == 1 and config.hidden_size <= MAX_HIDDEN_SIZE
    )
    # Dropout on the input makes each occurrence of a word another vector.
    dropped = training and config.embedding_dropout > 0
    many_texts_on_cpu = len(input_ids) >= MIN_BATCH_SIZE and input_ids.device.type == "cpu"
    # Compiled or exported, a network must not have shapes that depend on the words.
    compiling = torch.compiler.is_compiling()
    return one_small_layer and not dropped and many_texts_on_cpu and not compiling


def states_by_word(rnn: nn.LSTM, embedding: nn.Embedding, input_ids):
    """The states (batch, seq, size) of a one-layer LSTM where nothing is padded.

    A word's share in the gates is computed once a batch, however often it occurs: four fifths of
    the work of a small LSTM on wide vectors, and a batch of titles has two or three times as many
    words as different ones.
    """
    ends = ("", "_reverse") if rnn.bidirectional else ("",)  # torch's names of the directions

    def weights(name: str) -> list[torch.Tensor]:
        return [getattr(rnn, f"{name}_l0{end}") for end in ends]

    # The words' share of the gates, once for each different word.
    words, places = input_ids.t().unique(return_inverse=True)  # (words,), (seq, batch)
    bias = torch.cat(weights("bias_ih")) + torch.cat(weights("bias_hh"))
    table = F.linear(embedding(words), torch.cat(weights("weight_ih")), bias)
    parts = table.chunk(len(ends), 1)  # each (words, 4 · hidden)
    given = [F.embedding(places, parts[0])]
    if rnn.bidirectional:
        given.append(F.embedding(places.flip(0), parts[1]))

    # Step by step, both directions together.
    recurrent = torch.stack(weights("weight_hh")).transpose(
        1, 2
    )  # (directions, hidden, 4 · hidden)
    cell = hidden = table.new_zeros(len(ends), len(input_ids), rnn.hidden_size)
    states = []
    for gates in torch.stack(given, 1).unbind(0):  # (directions, batch, 4 · hidden)
        i, f, g, o = torch.baddbmm(gates, hidden, recurrent).chunk(4, -1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        states.append(hidden)

    found = torch.stack(states)  # (seq, directions, batch, hidden)
    sides = [found[:, 0]]
    if rnn.bidirectional:
        sides.append(found[:, 1].flip(0))  # back to reading order
    return torch.cat(sides, -1).transpose(0, 1)
