"""A plugin for tests of long trainings: each epoch takes a moment, in which the processor is free for the test."""

import time

import keras


class Unhurried(keras.callbacks.Callback):
    """Waits at the end of each epoch."""

    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.02)
