"""Build the `keras.Model` of a recipe: a stack, a graph or a model class; shapes and errors for each layer."""
