"""The devices of this machine: processor, memory and GPUs, those that TensorFlow can use, and why not the others."""
