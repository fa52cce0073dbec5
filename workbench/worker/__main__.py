"""`python -m workbench.worker`: the child's side."""

from workbench.worker.child_main import main

if __name__ == "__main__":
    main()
