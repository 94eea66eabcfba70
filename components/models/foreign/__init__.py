"""Model files that others wrote: what is read of them, and nothing else.

Libraries that load models run code that such files ask for: Python next to the weights
(`auto_map`), pickles, keyword arguments like `trust_remote_code`. So no library reads a foreign
config: this folder reads it, into known settings with checked values, and refuses the rest.
"""
