"""Many trainings of one recipe: searches over values, repeats over seeds and folds."""
