"""A language host for Python programs, in the place of the vendor's `pulumi-language-python`.

`__main__` is the process, `host` its protocol, `program` the run of one program.
"""
