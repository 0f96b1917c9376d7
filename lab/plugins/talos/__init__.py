"""A stand-in for pulumi-talos: the provider's life cycles, carried out by the real `talosctl`.

`ctl` runs talosctl, `connection` is the provider's way to a machine and its retries; `machine`,
`cluster`, `factory` hold the resources and functions of the provider's modules of that name;
`bundle`, `documents`, `schema`, `values` are pure.
"""
