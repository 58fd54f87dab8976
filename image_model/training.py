"""What the Trainer lacks for pages: means and variances of batch norms that fit the weights."""

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm
from transformers import TrainerCallback

from image_model.pixels import normalised

# Enough for a mean over pages and places; a larger corpus is drawn from, so that it costs no more.
MOST_PAGES = 2048


class BatchNormCallback(TrainerCallback):
    """Measures the batch norms' means and variances anew before the model is evaluated or saved.

    The running ones that training leaves are a mean over weights that have moved on since: while
    the rate is high, one epoch scores 0.62, the next 0.10, and which one is the best hangs on
    chance. Training itself never reads them, so weights stay the same bits, resumed or not.

    Args:
        pixels: (n, height, width, 3) uint8, the training pages as they are evaluated: unchanged.
    """

    def __init__(self, pixels: np.ndarray, processor):
        self.pixels = pixels
        self.processor = processor

    def on_step_end(self, args, state, control, model, **kwargs):
        if control.should_evaluate or control.should_save:
            remeasure_batch_norms(model, self.pixels, self.processor, args)

    def on_epoch_end(self, args, state, control, **kwargs):
        # Whether the Trainer evaluates at the end of a step or of an epoch hangs on its strategy.
        self.on_step_end(args, state, control, **kwargs)

    def on_train_end(self, args, state, control, model, **kwargs):
        if not args.load_best_model_at_end:  # else the best checkpoint brought its own
            remeasure_batch_norms(model, self.pixels, self.processor, args)


@torch.no_grad()
def remeasure_batch_norms(model, pixels: np.ndarray, processor, args):
    """Set each batch norm's mean and variance to those of the training pages under these weights.

    The means over batches, as in "precise batch norm" (Wu and Johnson, 2021, arXiv:2105.07576).

    Every process measures the same pages and so gets the same numbers.

    Args:
        pixels: (n, height, width, 3) uint8.
        args: training arguments; their seed draws the pages, their evaluation batch size holds.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not norms:
        return
    # Mixed, for rows may come class by class; of equal size, for each batch weighs the same.
    rows = np.random.default_rng(args.seed).permutation(len(pixels))[:MOST_PAGES]
    batches = np.array_split(rows, max(1, round(len(rows) / args.per_device_eval_batch_size)))

    # Only the norms are in training mode: dropout stays off, so that nothing is drawn and training
    # continues with the same random numbers.
    was_training = model.training
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
        norm.train()

    for batch in batches:
        page_bytes = torch.from_numpy(np.array(pixels[np.sort(batch)])).to(model.device)
        model(pixel_values=normalised(page_bytes, processor))

    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)
