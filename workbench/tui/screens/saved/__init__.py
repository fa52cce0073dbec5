"""Saved: the model files of the working directory, what is in them, and what can be done with them.

- `listing`, `file_list`: the list of files
- `reading`, `reader`: a small process that reads files, because HDF5 reads bytes of unknown origin with C code
- `facts`, `contents`, `weight_picture`: the content of a file
- `chosen_file`, `using`: the file under the cursor, and what is done with it
- `outcomes`: the results of loading and using it
- `predictions`, `scatter`, `confusion`: predictions beside the truth
- `retrain`: recipes from a file
- `file_operations`: names, copies, deleting
"""
