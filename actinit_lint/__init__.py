"""A linter for weight initialisation and activations in PyTorch and Keras code."""

__version__ = "0.1.0"
