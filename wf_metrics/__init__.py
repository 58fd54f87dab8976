"""Workflow results against ground truth, comparison of models, drift."""
