"""Suggest a recipe for given data: roles of columns, a stack of layers, a loss, a training."""
