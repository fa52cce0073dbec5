"""Look inside a step of a training while it runs, operation by operation and layer by layer."""
