"""One model trained by several processes, each on its share of every batch.

Each process has an ordinary model and an ordinary engine. The gradients that reach an optimizer are added up over the
processes (`gradients`), and after a call of the engine its metrics (`replica`). The first process, the chief, runs the
training as ever and names the steps (`chief`); the others run them (`follower`). `workbench.group` starts the
processes.
"""
