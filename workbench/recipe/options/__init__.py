"""Options of the recipe's data section, a module for each subject."""
