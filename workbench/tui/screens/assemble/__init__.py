"""Assemble: the catalog, the recipe as rows, forms, YAML and picture of the model."""
