"""What is wanted: the recipe, from YAML to a validated document that knows its own line numbers."""
