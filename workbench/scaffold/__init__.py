"""Make a new plugin project: the files in `project/`, with its names filled in."""
