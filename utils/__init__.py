"""What every room shares: data, splits, metrics, predictions, figures, training parts and run
folders.
"""
