"""The searches screen: the searches and repeats that were begun, with their trials, whichever process works on them.

`listing` reads the journals, `rows` makes what the tables and the chart show. Neither knows Textual; `screen` and
`tables` show it.
"""
