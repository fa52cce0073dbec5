"""A plugin file of one layer, for tests that edit it while the app is open."""

GATE = '''\
"""Layers that are checked."""
import keras


class Gate(keras.Layer):
    """Lets a share through."""

    def __init__(self, strength=0.5, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength

    def call(self, x):
        return x * self.strength

    def get_config(self):
        return {**super().get_config(), "strength": self.strength}
'''
