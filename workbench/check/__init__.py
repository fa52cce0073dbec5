"""The contract for the entries of every plugin, and the checks that test them against it.

`contract` lists the checks, `supervising` runs them in a child process that may crash or hang, `pytest_helpers`
runs them in a plugin author's own tests. Light: only the child's side imports keras.
"""
