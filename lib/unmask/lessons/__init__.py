"""What the notebooks in notebooks/learn do: mistakes made on purpose, next to the honest way.

Only `network` needs TensorFlow.
"""
