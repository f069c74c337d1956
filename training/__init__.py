"""From a folder of labelled photographs to a published model. Keras 3 on TensorFlow."""
