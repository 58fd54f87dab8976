"""LSTM, GRU, MLP and CNN as transformers models; importing the package registers them with the Auto
classes.
"""

from transformers import AutoConfig, AutoModelForSequenceClassification

from rnn_baseline.model import RnnConfig, RnnForSequenceClassification

__all__ = ["RnnConfig", "RnnForSequenceClassification"]

AutoConfig.register("rnn_baseline", RnnConfig)
AutoModelForSequenceClassification.register(RnnConfig, RnnForSequenceClassification)
