"""A new plugin project: the files in `project/`, with its names put in."""
