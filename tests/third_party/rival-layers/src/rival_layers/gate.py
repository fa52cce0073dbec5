import keras


class Gate(keras.layers.Layer):
    """Doubles each value."""

    def call(self, inputs):
        return inputs * 2.0
