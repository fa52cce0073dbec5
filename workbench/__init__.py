"""kwb, a terminal workbench for Keras."""

__version__ = "0.1.0"
