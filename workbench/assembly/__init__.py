"""From recipe to `keras.Model`: a stack, a graph or a model class; shapes and errors per layer."""
