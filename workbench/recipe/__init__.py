"""The recipe: from YAML to a validated document with line numbers."""
