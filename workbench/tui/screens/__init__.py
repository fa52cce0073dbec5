"""The app's screens, a folder each: recipes, assemble, data, train, runs, saved."""
