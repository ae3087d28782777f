"""Keras runs on torch in these tests; it asks for its backend once, when it is first imported."""

import os

os.environ["KERAS_BACKEND"] = "torch"
