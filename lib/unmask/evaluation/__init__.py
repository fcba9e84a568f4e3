"""Every number a reader sees is computed here, from tables of scores. Imports no TensorFlow."""
