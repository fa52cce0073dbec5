"""Small widgets that several screens use, one per file."""
