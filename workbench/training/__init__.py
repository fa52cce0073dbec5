"""Training: the session that turns a recipe into events, the engines that run its steps, monitors and control.

This file stays empty so that importing one part (say, `workbench.training.engines`) loads no other.
"""
