"""Built-in plugin: data that ships inside well-kept packages, and the readers of data files."""

import os

# Arrow's own allocator reserves a gigabyte of address space at its first use, which is more than streaming
# needs in all. Arrow asks for this once, when it is imported; that is later, when a file is read.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
