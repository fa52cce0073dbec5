"""The runs screen: every run of the working directory, whichever process trains it; to open, compare, resume and
delete.

`listing` finds the runs, `histories` reads their curves, `compare` finds how two runs differ, and
`file_operations` renames and deletes. None of them knows Textual; `screen`, `overlay` and `difference` show them.
"""
