"""The LSTM that multiplies each word once gives the states, gradients and probabilities of the
library's layer.
"""

import pytest
import torch

from rnn_baseline import RnnConfig, RnnForSequenceClassification, model
from rnn_baseline.lstm_cpu import MIN_BATCH_SIZE, by_word_pays


def network(**shape) -> RnnForSequenceClassification:
    torch.manual_seed(0)
    return RnnForSequenceClassification(
        RnnConfig(vocab_size=30, embedding_size=6, hidden_size=5, num_labels=4, **shape)
    )


def gradients(network, ids, labels) -> dict[str, torch.Tensor]:
    network.zero_grad()
    network(ids, labels=labels).loss.backward()
    return {name: weight.grad.clone() for name, weight in network.named_parameters()}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", ["last", "max", "attention"])
@pytest.mark.parametrize("words", [1, 7])
def test_same_states_and_gradients(bidirectional, pooling, words, monkeypatch):
    net = network(bidirectional=bidirectional, pooling=pooling)
    ids = torch.randint(0, 30, (MIN_BATCH_SIZE, words), dtype=torch.int32)
    labels = torch.randint(0, 4, (MIN_BATCH_SIZE,))
    assert by_word_pays(net.config, True, ids)
    logits, mine = net(ids).logits, gradients(net, ids, labels)
    padded = torch.nn.functional.pad(ids, (0, 3))
    mask = (torch.arange(words + 3) < words).long().expand(len(ids), -1)
    torch.testing.assert_close(net(padded, mask).logits, logits, atol=1e-6, rtol=1e-5)
    monkeypatch.setattr(model, "by_word_pays", by_library)
    torch.testing.assert_close(net(ids).logits, logits, atol=1e-6, rtol=1e-5)
    for name, gradient in gradients(net, ids, labels).items():
        torch.testing.assert_close(mine[name], gradient, atol=1e-6, rtol=1e-4)


def by_library(config, training, ids) -> bool:
    return False


def test_only_where_it_is_the_same_and_faster():
    ids = torch.ones((MIN_BATCH_SIZE, 4), dtype=torch.int32)
    assert not by_word_pays(network().config, True, ids[1:])
    for shape in ({"num_layers": 2}, {"cell": "gru"}, {"cell": "mlp"}, {"cell": "layernorm_lstm"}):
        assert not by_word_pays(network(**shape).config, True, ids)
    dropped = network(embedding_dropout=0.5).config
    assert not by_word_pays(dropped, True, ids) and by_word_pays(dropped, False, ids)
