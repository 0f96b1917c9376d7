"""A stand-in for flux-operator: it does with a FluxInstance what flux-operator documents.

It knows flux-operator's documents and Flux's install manifests, nothing of what they are used for.
"""
