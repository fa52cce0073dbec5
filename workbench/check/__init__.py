"""The contract that every plugin's entries are held to, and what holds them to it.

`contract` lists the checks, `supervising` runs them in a child process that may crash or hang, `pytest_helpers`
runs them in a plugin author's own tests. Light: only the child's side imports keras.
"""
