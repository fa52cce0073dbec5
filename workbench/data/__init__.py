"""What a model learns from: sources, columns, split, scaling."""
