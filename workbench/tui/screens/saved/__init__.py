"""Saved: the model files of the working directory, what is in them, and what can be done with them.

- `listing`, `file_list`: the files there are
- `reading`, `reader`: a small process that looks into files, because HDF5 reads a stranger's bytes with C code
- `facts`, `contents`, `weight_picture`: what it found in a file
- `outcomes`: what Keras said of it
- `predictions`, `scatter`, `confusion`: predictions beside the truth
- `again`: recipes from a file
- `file_operations`: names, copies, deleting
"""
