"""A stand-in for pulumi-tls: keys and certificates that are made once and kept in state.

`keys` and `certificates` make them (no engine), `resources` are the resource types, `__main__` the
process.
"""
