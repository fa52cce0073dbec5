"""A picture of a model's graph in boxes and lines: layout (pure) and the widget that shows it."""
