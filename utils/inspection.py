"""Looking into a finished run: entropy, one document's probabilities, hidden states in two
dimensions, and rows that had no label labelled.
"""

import html

import numpy as np
import pandas as pd
from matplotlib import colormaps
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from utils.errors import InputError
from utils.figures import ORANGE, PALE, SKY, finalize_axes, new_figure, pluralize, shortened

COLOURED = 12  # classes with a colour of their own, the most frequent ones
HOVER = 120  # characters of a text under the pointer
ONE_THREAD = 2000  # rows up to which t-SNE keeps to one thread
TSNE_ROWS = 4  # fewer points have no neighbours to speak of


def entropies(probabilities) -> np.ndarray:
    """Shannon entropy in nats of each row of class probabilities (n, n_classes): (n,)."""
    p = np.asarray(probabilities, np.float64)
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)


def probabilities_figure(names, probabilities, label=None, title="", most=15):
    """One document's most probable classes as bars, its true class in another colour.

    Args:
        probabilities: (n_classes,). label: the document's class name, or None.
    """
    order = np.argsort(-np.asarray(probabilities), kind="stable")[:most]
    figure, axes = new_figure(8, 1.2 + 0.3 * len(order))
    bars = axes.barh(
        range(len(order)),
        np.asarray(probabilities)[order],
        color=[ORANGE if names[c] == label else SKY for c in order],
    )
    axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.set_yticks(range(len(order)), [shortened(names[c]) for c in order])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.1), xlabel="probability")
    axes.set_title(title + (f", label {shortened(label)}" if label else ""))
    return finalize_axes(figure)


def project(states, how: str, seed: int = 0) -> np.ndarray:
    """Hidden states (n, size) in two dimensions (n, 2), each unit scaled to variance 1 first.

    Args:
        how: pca, or tsne (from 50 principal components on; perplexity 30, less where there are few
            rows).

    Raises:
        InputError: fewer than 4 rows, states that are not finite, or another `how`.
    """
    states = np.asarray(states, np.float64)
    if how not in ("pca", "tsne"):
        raise InputError(f"{how!r}: choose pca or tsne")
    if len(states) < TSNE_ROWS:
        raise InputError(
            f"{pluralize(len(states), 'document')}: too few to draw; give at least {TSNE_ROWS}"
        )
    if not np.isfinite(states).all():
        raise InputError(
            "the hidden states are not finite: the training diverged; lower --learning_rate"
        )
    scaled = StandardScaler().fit_transform(states)
    if not scaled.any():  # all rows are equal, on which t-SNE crashes the process
        return np.zeros((len(states), 2))
    components = min(2 if how == "pca" else 50, *scaled.shape)
    reduced = PCA(components, random_state=seed).fit_transform(scaled)
    if how == "pca":
        return np.pad(reduced, ((0, 0), (0, 2 - components)))
    perplexity = min(30, (len(states) - 1) / 3)
    tsne = TSNE(
        init="pca" if components > 1 else "random", perplexity=perplexity, random_state=seed
    )
    # On a busy machine the threads wait for each other so long that few rows take minutes instead
    # of a second.
    with threadpool_limits(1 if len(states) < ONE_THREAD else None):
        return tsne.fit_transform(reduced)


def frequent_classes(classes) -> np.ndarray:
    """The codes of the most frequent classes that get a colour, by falling count."""
    codes, counts = np.unique(classes, return_counts=True)
    return codes[np.argsort(-counts, kind="stable")][:COLOURED]


def scatter_figure(points, classes, names, title):
    """Points (n, 2) coloured by class (n,) codes; the most frequent classes have a colour, the
    others are grey.
    """
    figure, axes = new_figure(9, 6)
    shown = frequent_classes(classes)
    rest = ~np.isin(classes, shown)
    axes.scatter(
        *points[rest].T,
        s=8,
        color=PALE,
        label=pluralize(len(np.unique(classes[rest])), "other class") if rest.any() else None,
    )
    for code, colour in zip(shown, colormaps["Paired"].colors, strict=False):
        axes.scatter(*points[classes == code].T, s=8, color=colour, label=shortened(names[code]))
    axes.set(xticks=[], yticks=[], title=title)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=2)
    return finalize_axes(figure)


def interactive_scatter(points, classes, names, texts):
    """The same as a plotly Figure: a text (n strings) under the pointer, classes switched on and
    off in the legend.

    Raises:
        InputError: plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise InputError("plotly is not installed; pip install -e '.[notebooks]'") from None
    hover = np.array(
        [f"{html.escape(text[:HOVER])}{'…' if len(text) > HOVER else ''}" for text in texts], object
    )
    figure = go.Figure()
    for code in np.unique(classes):
        rows = classes == code
        figure.add_scattergl(
            x=points[rows, 0],
            y=points[rows, 1],
            mode="markers",
            name=html.escape(names[code]),
            text=hover[rows],
            hovertemplate="%{text}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(
        template="plotly_white", height=700, xaxis_visible=False, yaxis_visible=False
    )
    return figure


def label_rows(corpus, probabilities, names) -> pd.DataFrame:
    """All rows of a corpus in one table: human labels kept, the rows without one labelled by a
    model.

    Args:
        probabilities: (n_unlabelled, n_classes) of `corpus.unlabelled`, in its order; names: the
            model's classes.

    Returns:
        id, text, label, source (`human` or `model`), confidence (NaN for human labels), split.

    Raises:
        ValueError: another number of rows or classes.
    """
    if np.shape(probabilities) != (len(corpus.unlabelled), len(names)):
        raise ValueError(
            f"probabilities of shape {np.shape(probabilities)} for {len(corpus.unlabelled)} rows "
            f"and {len(names)} classes"
        )
    probabilities = np.asarray(probabilities)
    parts = []
    for split, dataset in corpus.splits.items():
        own_names = dataset.features["label"].names
        columns = {
            "id": list(dataset["id"]),
            "text": list(dataset["text"]),
            "label": [own_names[c] for c in dataset["label"]],
            "source": "human",
            "confidence": np.nan,
            "split": split,
        }
        parts.append(pd.DataFrame(columns))
    best = np.zeros(0, int)
    if len(corpus.unlabelled):
        best = probabilities.argmax(axis=1)
    columns = {
        "id": list(corpus.unlabelled["id"]),
        "text": list(corpus.unlabelled["text"]),
        "label": [names[c] for c in best],
        "source": "model",
        "confidence": probabilities[np.arange(len(best)), best].astype(float),
        "split": "unlabelled",
    }
    parts.append(pd.DataFrame(columns))
    return pd.concat([part for part in parts if len(part)], ignore_index=True)
