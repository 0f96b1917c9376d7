"""Layer one: who may do what, and the providers everything below is made with.

`proxmox` where machines are made on Proxmox VE, `hosts` where they are adopted: a stack imports the
one that it needs, so that it does not pay for the other's SDK.
"""
