"""The room's networks against references that read one text at a time, without padding and without
masks.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification

import rnn_baseline
from rnn_baseline.model import POOLINGS, RECURRENT, RnnConfig, RnnForSequenceClassification

SHAPES = [
    (cell, pooling, bidirectional, layers)
    for cell in RECURRENT
    for pooling in POOLINGS[cell]
    for bidirectional in (False, True)
    for layers in (1, 2)
]
SHAPES += [("mlp", "mean", False, 1), ("cnn", "max", False, 1)]
CELLS = [*RECURRENT, "mlp", "cnn"]
LENGTHS = (7, 1, 3, 2, 5)
CLASSES = 4


def network(cell="lstm", seed=0, **shape) -> RnnForSequenceClassification:
    """A tiny network, every weight (norms and biases too) far from its start, in eval mode."""
    shape = {
        "vocab_size": 30,
        "embedding_size": 6,
        "hidden_size": 8,
        "mlp_sizes": [7, 5],
        "cnn_widths": [1, 2, 4],
        "cnn_filters": 5,
        "num_labels": CLASSES,
    } | shape
    model = RnnForSequenceClassification(RnnConfig(cell=cell, **shape))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.7)
        model.embedding.weight[0] = 0
    return model.eval()


def texts_of(lengths, seed=1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(2, 30, (length,), generator=generator) for length in lengths]


def padded(texts, extra=0, fill=0) -> dict[str, torch.Tensor]:
    """input_ids and attention_mask (batch, longest + extra), with `fill` under the mask's zeros."""
    longest = max(map(len, texts)) + extra
    ids, mask = (
        torch.full((len(texts), longest), fill),
        torch.zeros(len(texts), longest, dtype=torch.long),
    )
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    return {"input_ids": ids, "attention_mask": mask}


def layer_norm(z, norm):
    return (z - z.mean()) / torch.sqrt(z.var(unbiased=False) + 1e-5) * norm.weight + norm.bias


def layernorm_lstm_direction(layer, words):
    """One direction, step by step: Ba et al. 2016's gates, and the normalised cell carried to the
    next step.
    """
    size = layer.recurrent.weight.shape[1]
    h, c, states = torch.zeros(size), torch.zeros(size), []
    for x in words:
        z = layer_norm(layer.input.weight @ x, layer.input_norm)
        z = z + layer_norm(layer.recurrent.weight @ h, layer.recurrent_norm) + layer.bias
        i, f, g, o = z[:size], z[size : 2 * size], z[2 * size : 3 * size], z[3 * size :]
        c = layer_norm(torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g), layer.cell_norm)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    return states


def layernorm_lstm_by_hand(rnn, x):
    """States (seq, size) and the last true state of each direction of the last layer."""
    for directions in rnn.layers:
        runs = [layernorm_lstm_direction(directions[0], x)]
        ends = [runs[0][-1]]
        if len(directions) == 2:
            backward = layernorm_lstm_direction(directions[1], x.flip(0))
            runs.append(backward[::-1])
            ends.append(backward[-1])
        x = torch.stack([torch.cat(parts) for parts in zip(*runs, strict=True)])
    return x, torch.cat(ends)


def torch_rnn_by_hand(config, rnn, x):
    """States (seq, size) and h_n of the last layer's directions, by a network of torch's own."""
    kind = {"lstm": nn.LSTM, "gru": nn.GRU}[config.cell]
    own = kind(
        config.embedding_size,
        config.hidden_size,
        config.num_layers,
        bidirectional=config.bidirectional,
    )
    own.load_state_dict(rnn.state_dict())
    states, last = own(x[:, None])
    h_n = last[0] if config.cell == "lstm" else last
    return states[:, 0], h_n[-2 if config.bidirectional else -1 :, 0].flatten()


def recurrent_by_hand(model, x):
    config, encoder = model.config, model.encoder
    if config.cell == "layernorm_lstm":
        states, last = layernorm_lstm_by_hand(encoder.rnn, x)
    else:
        states, last = torch_rnn_by_hand(config, encoder.rnn, x)
    if config.pooling == "last":
        return last
    if config.pooling == "max":
        return states.max(0).values
    if config.pooling == "mean":
        return states.mean(0)
    first, _, second = encoder.attention
    scores = torch.tanh(states @ first.weight.T + first.bias) @ second.weight[0]
    weights = torch.exp(scores) / torch.exp(scores).sum()
    return weights @ states


def cnn_by_hand(model, x):
    found = []
    for convolution in model.encoder.filters:
        width = convolution.kernel_size[0]
        words = torch.cat([x, torch.zeros(max(0, width - len(x)), x.shape[1])])
        windows = [words[i : i + width] for i in range(len(words) - width + 1)]
        responses = [
            torch.einsum("oiw,wi->o", convolution.weight, w) + convolution.bias for w in windows
        ]
        found.append(torch.stack(responses).max(0).values.clamp(min=0))
    return torch.cat(found)


@torch.no_grad()
def features_by_hand(model, text):
    x = model.embedding.weight[text if len(text) else torch.zeros(1, dtype=torch.long)]
    if model.config.cell == "cnn":
        return cnn_by_hand(model, x)
    if model.config.cell != "mlp":
        return recurrent_by_hand(model, x)
    vector = x.mean(0)
    for layer in model.encoder.layers[::2]:
        vector = (layer.weight @ vector + layer.bias).clamp(min=0)
    return vector


@torch.no_grad()
def logits_by_hand(model, texts):
    """Each text's logits, read alone."""
    rows = [
        model.classifier.weight @ features_by_hand(model, text) + model.classifier.bias
        for text in texts
    ]
    return torch.stack(rows)


@torch.no_grad()
def logits(model, **batch):
    return model(**batch).logits


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_batch_mate_and_no_padding_changes_an_output(shape):
    cell, pooling, bidirectional, layers = shape
    model = network(cell, pooling=pooling, bidirectional=bidirectional, num_layers=layers)
    texts = texts_of(LENGTHS)
    expected = logits_by_hand(model, texts)
    assert (expected.max(0).values - expected.min(0).values).max() > 0.1
    for text, row in zip(texts, expected, strict=True):
        close(logits(model, input_ids=text[None]), row[None])
    for extra, fill in [(0, 0), (4, 0), (2, 17)]:  # what stands under the mask's zeros is not read
        close(logits(model, **padded(texts, extra, fill)), expected)
    close(logits(model, **padded(texts[::-1])), expected.flip(0))
    same = texts_of((4, 4, 4), seed=2)
    expected = logits_by_hand(model, same)
    close(logits(model, input_ids=torch.stack(same)), expected)
    close(logits(model, **padded(same)), expected)
    close(logits(model, input_ids=torch.stack(same).int()), expected)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 2])
def test_last_of_two_directions_is_h_n_of_each_true_last_step(cell, layers):
    model = network(cell, bidirectional=True, num_layers=layers)
    texts = texts_of(LENGTHS)
    own = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](6, 8, layers, batch_first=True, bidirectional=True)
    own.load_state_dict(model.encoder.rnn.state_dict())
    with torch.no_grad():
        found = model.features(**padded(texts, 3))
        for row, text in zip(found, texts, strict=True):
            last = own(model.embedding(text[None]))[1]
            h_n = last[0] if cell == "lstm" else last
            close(row, torch.cat([h_n[-2, 0], h_n[-1, 0]]))


def test_000_has_357517_parameters_beside_its_embedding():
    config = RnnConfig(
        vocab_size=12,
        cell="layernorm_lstm",
        num_layers=2,
        hidden_size=128,
        embedding_size=300,
        num_labels=13,
        head_size=0,
    )
    model = RnnForSequenceClassification(config)
    assert model.num_parameters() - model.embedding.weight.numel() == 357_517
    assert sum(p.numel() for p in model.encoder.parameters()) == 355_840


@pytest.mark.parametrize(
    ("cell", "pooling"), [(cell, pooling) for cell in CELLS for pooling in POOLINGS[cell]]
)
def test_texts_without_a_word_are_all_alike_and_finite(cell, pooling):
    model = network(cell, pooling=pooling, bidirectional=cell in RECURRENT)
    expected = logits_by_hand(model, [torch.zeros(0, dtype=torch.long)])
    assert expected.isfinite().all()
    nothing = torch.zeros(2, 0)
    for ids in (nothing, nothing.long()):  # a pipeline makes floats of an empty list
        close(logits(model, input_ids=ids), expected.expand(2, -1))
        close(logits(model, input_ids=ids, attention_mask=ids.long()), expected.expand(2, -1))
    close(logits(model, input_ids=torch.zeros(3, 1, dtype=torch.long)), expected.expand(3, -1))
    zeros = torch.zeros(2, 5, dtype=torch.long)
    close(logits(model, input_ids=zeros, attention_mask=zeros), expected.expand(2, -1))
    close(logits(model, **padded(texts_of((3, 0, 6))))[1], expected[0])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_are_finite_with_an_empty_text_and_reach_every_weight(shape):
    cell, pooling, bidirectional, layers = shape
    model = network(
        cell,
        pooling=pooling,
        bidirectional=bidirectional,
        num_layers=layers,
        head_size=3,
        activation="tanh",
    ).train()
    for lengths in [(4, 0, 2), (0, 0), (3, 3)]:
        model.zero_grad()
        model(
            **padded(texts_of(lengths), 1), labels=torch.zeros(len(lengths), dtype=torch.long)
        ).loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        assert not model.embedding.weight.grad[0].any()
    if cell != "cnn" and cell != "mlp":  # a relu may sleep
        assert all(p.grad.any() for p in model.encoder.parameters())


@pytest.mark.parametrize("cell", CELLS)
def test_logits_come_out_and_the_loss_is_their_cross_entropy(cell):
    model = network(cell)
    texts, gold = texts_of(LENGTHS), torch.tensor([0, 3, 1, 1, 2])
    output = model(**padded(texts), labels=gold, output_hidden_states=True)
    features = torch.stack([features_by_hand(model, text) for text in texts])
    close(output.hidden_states[0], features)
    close(output.logits, features @ model.classifier.weight.T + model.classifier.bias)
    outside = (output.logits < 0) | (output.logits > 1)  # of what a sigmoid or a softmax gives
    assert outside.any() and (output.logits.sum(1) - 1).abs().min() > 1e-3
    each = [
        -torch.log(torch.exp(row[g]) / torch.exp(row).sum())
        for row, g in zip(output.logits, gold, strict=True)
    ]
    close(output.loss, torch.stack(each).mean())
    close(output.loss, F.cross_entropy(output.logits, gold))
    assert model(**padded(texts)).loss is None and model.accepts_loss_kwargs is False


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        ("relu", [0.0, 0.5]),
        ("tanh", [-0.9640275800758169, 0.46211715726000973]),
        ("mish", [-0.25250148, 0.37524503]),  # x · tanh(ln(1 + eˣ)) at -2 and 0.5
    ],
)
def test_the_head_is_one_layer_and_its_activation(activation, formula):
    model = network("mlp", head_size=2, activation=activation)
    with torch.no_grad():
        model.head[0].weight.zero_()
        model.head[0].bias.copy_(torch.tensor([-2.0, 0.5]))
        found = model.head(torch.ones(1, 5))
    close(found, torch.tensor([formula]))
    assert model.classifier.weight.shape == (CLASSES, 2)


def test_the_mlp_reads_the_mean_of_the_true_words():
    model = network("mlp", embedding_size=2, mlp_sizes=[2])
    with torch.no_grad():
        model.embedding.weight[2:5] = torch.tensor([[3.0, 0.0], [0.0, 6.0], [3.0, 3.0]])
        model.encoder.layers[0].weight.copy_(torch.eye(2))
        model.encoder.layers[0].bias.zero_()
        found = model.features(**padded([torch.tensor([2, 3, 4]), torch.tensor([3])], 2))
    close(found, torch.tensor([[2.0, 3.0], [0.0, 6.0]]))


def test_the_cnn_takes_texts_shorter_than_its_filters():
    model = network("cnn", cnn_widths=[3, 9])
    texts = texts_of((2, 1, 0, 2))
    close(logits(model, **padded(texts)), logits_by_hand(model, texts))
    close(logits(model, input_ids=texts[1][None]), logits_by_hand(model, texts[1:2]))


def test_a_window_that_begins_in_the_padding_is_not_looked_at():
    """A filter that answers 5 to blanks alone and less to every word."""
    model = network("cnn", embedding_size=1, cnn_widths=[2], cnn_filters=1)
    with torch.no_grad():
        model.embedding.weight[2:] = 1.0
        model.encoder.filters[0].weight.fill_(-1.0)
        model.encoder.filters[0].bias.fill_(5.0)
        found = model.features(**padded([torch.tensor([2, 3, 4]), torch.tensor([2] * 6)]))
        alone = model.features(torch.tensor([[2]]))
    assert found.flatten().tolist() == [3.0, 3.0] and alone.item() == 4.0


def test_attention_weights_of_padding_are_zero():
    model = network("gru", pooling="attention")
    text = texts_of((3,))[0]
    batch = padded([text, texts_of((8,))[0]])
    batch["input_ids"][0, 3:] = 9
    with torch.no_grad():
        states = torch_rnn_by_hand(model.config, model.encoder.rnn, model.embedding(text))[0]
        first, _, second = model.encoder.attention
        weights = (torch.tanh(states @ first.weight.T + first.bias) @ second.weight.T).softmax(
            0
        )  # (3, 1)
        close(model.features(**batch)[0], (weights * states).sum(0))
    assert weights.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("cell", CELLS)
def test_saved_and_loaded_gives_the_same_outputs(cell, tmp_path):
    model = network(
        cell,
        head_size=3,
        bidirectional=True,
        num_layers=2,
        id2label=dict(enumerate("añoz")),
        label2id={name: code for code, name in enumerate("añoz")},
    )
    model.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.bin"))
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert type(loaded) is rnn_baseline.RnnForSequenceClassification and not loaded.training
    assert loaded.config.id2label == dict(enumerate("añoz"))
    batch = padded(texts_of(LENGTHS))
    torch.testing.assert_close(
        logits(loaded, **batch), logits(model, **batch), atol=1e-6, rtol=1e-6
    )
    assert all(
        torch.equal(weight, loaded.state_dict()[name])
        for name, weight in model.state_dict().items()
    )
    own, other = model.config.to_dict(), AutoConfig.from_pretrained(tmp_path).to_dict()
    differ = {name for name in own | other if own.get(name) != other.get(name)}
    assert differ <= {"architectures", "dtype", "transformers_version", "_name_or_path"}


def step(model, **options):
    """One optimizer step over everything that is trained."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, **options)
    model(**padded(texts_of(LENGTHS)), labels=torch.tensor([0, 3, 1, 1, 2])).loss.backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("cell", CELLS)
def test_frozen_embeddings_stay_and_free_ones_move_but_for_padding(cell, tmp_path):
    frozen = network(cell, freeze_embeddings=True)
    frozen.save_pretrained(tmp_path)
    for model in (frozen, RnnForSequenceClassification.from_pretrained(tmp_path)):
        before = copy.deepcopy(model.state_dict())
        assert [n for n, p in model.named_parameters() if not p.requires_grad] == [
            "embedding.weight"
        ]
        step(model, weight_decay=0.1)
        changed = {n for n, p in model.state_dict().items() if not torch.equal(p, before[n])}
        assert "embedding.weight" not in changed and "classifier.weight" in changed
    free = RnnForSequenceClassification.from_pretrained(tmp_path, freeze_embeddings=False)
    assert all(p.requires_grad for p in free.parameters())
    before = free.embedding.weight.detach().clone()
    for _ in range(3):
        step(free, weight_decay=0.1)
    assert not free.embedding.weight[0].any() and not torch.equal(
        free.embedding.weight[2:], before[2:]
    )


def test_fresh_weights_have_a_zero_padding_row_and_depend_on_the_seed():
    weights = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        weights.append(
            RnnForSequenceClassification(RnnConfig(vocab_size=500, cell="gru")).state_dict()
        )
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["embedding.weight"], weights[2]["embedding.weight"])
    assert not weights[0]["embedding.weight"][0].any()
    assert weights[0]["embedding.weight"][1:].std().item() == pytest.approx(1.0, rel=0.05)
    model = RnnForSequenceClassification(
        RnnConfig(vocab_size=5, cell="layernorm_lstm", hidden_size=3)
    )
    layer = model.encoder.rnn.layers[0][0]
    assert layer.bias.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert layer.cell_norm.weight.tolist() == [1, 1, 1] and layer.input_norm.bias.abs().sum() == 0


def test_word_dropout_reads_words_as_unknown_in_training_alone():
    model = network("mlp", word_dropout=1 - 1e-9)  # so near to 1 that every word is dropped
    texts = texts_of(LENGTHS)
    unknown = logits_by_hand(model, [torch.ones_like(text) for text in texts])
    close(logits(model, **padded(texts)), logits_by_hand(model, texts))
    close(logits(model.train(), **padded(texts)), unknown)
    empty = logits_by_hand(model, [torch.zeros(0, dtype=torch.long)])
    close(logits(model, input_ids=torch.zeros(1, 1, dtype=torch.long)), empty)
    half = network("mlp", embedding_size=1, mlp_sizes=[1], word_dropout=0.25).train()
    with torch.no_grad():
        half.embedding.weight.copy_((torch.arange(30) == 1).float()[:, None])
        half.encoder.layers[0].weight.fill_(1)
        half.encoder.layers[0].bias.zero_()
        share = half.features(torch.full((4, 5000), 7)).mean().item()
    assert share == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("cell", RECURRENT)
@pytest.mark.parametrize("name", ["embedding_dropout", "layer_dropout", "head_dropout"])
def test_each_dropout_works_in_training_alone(cell, name):
    batch = padded(texts_of(LENGTHS))
    model = network(cell, num_layers=2, **{name: 0.5})
    expected = logits(model, **batch)
    assert torch.equal(logits(model, **batch), expected)
    assert not torch.allclose(logits(model.train(), **batch), expected, atol=1e-3)
    without = network(cell, num_layers=2).train()
    close(logits(without, **batch), expected)


@pytest.mark.parametrize(
    ("shape", "words"),
    {
        "no units": ({"hidden_size": 0}, "--hidden_size 0"),
        "no layers": ({"num_layers": 0}, "--num_layers 0"),
        "no numbers": ({"embedding_size": -1}, "--embedding_size -1"),
        "no filters": ({"cnn_filters": 0}, "--cnn_filters 0"),
        "cell": ({"cell": "transformer"}, "--cell 'transformer'.*layernorm_lstm"),
        "pooling": ({"pooling": "first"}, "--pooling 'first'.*attention"),
        "last of a cnn": ({"cell": "cnn", "pooling": "last"}, "--pooling 'last'.*cnn.*max"),
        "max of an mlp": ({"cell": "mlp", "pooling": "max"}, "--pooling 'max'.*mlp.*mean"),
        "activation": ({"activation": "swish"}, "--activation 'swish'.*mish"),
        "dropout of all": ({"head_dropout": 1.0}, "--head_dropout 1.0.*below 1"),
        "negative dropout": ({"embedding_dropout": -0.1}, "--embedding_dropout -0.1"),
        "layer dropout": ({"layer_dropout": 1.5}, "--layer_dropout 1.5"),
        "word dropout": ({"word_dropout": 1.0}, "--word_dropout 1.0"),
        "no widths": ({"cnn_widths": []}, "--cnn_widths"),
        "zero width": ({"mlp_sizes": [8, 0]}, "--mlp_sizes"),
        "negative head": ({"head_size": -1}, "--head_size -1"),
    }.values(),
)
def test_a_shape_that_no_network_has_is_refused(shape, words):
    with pytest.raises(ValueError, match=words):
        RnnConfig(**shape)
