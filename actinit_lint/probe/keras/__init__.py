"""Keras models, and TensorFlow's Keras where TensorFlow is not installed, on Keras' torch backend."""
