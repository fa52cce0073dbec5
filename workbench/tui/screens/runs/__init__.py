"""The runs screen: every run of the working directory, whoever trains it; opened, compared, gone on with, cleaned up.

`listing` says what runs there are, `histories` reads their curves, `compare` finds how two runs differ, and
`file_operations` renames and deletes. None of them knows Textual; `screen`, `overlay` and `difference` show them.
"""
