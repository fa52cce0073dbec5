"""Stock Keras as a plugin: its layers, losses, metrics, optimizers, callbacks and the rest, by class name.

`entries.json` is made from Keras' public API by `python -m kwb_keras.generate`, so listing needs no keras.
"""
