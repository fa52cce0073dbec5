"""Home: built-in recipes, recipes in this folder, recent runs."""
