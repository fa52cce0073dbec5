"""Several machines that train one model together: how they find, trust and reach each other.

The first machine (`meeting.py`) waits for the others (`joining.py`). They speak over TLS (`connection.py`); both sides
have the same token (`token.py`), a key that proves to each who the other is.
"""
