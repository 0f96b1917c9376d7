"""A stand-in for pulumi-random: values that are drawn once and kept in state.

`resources` are the resource types, `draw` how values are drawn, `__main__` the process.
"""
