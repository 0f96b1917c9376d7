"""A stand-in for pulumi-proxmoxve: VMs, images and access control on a Proxmox VE API."""
