# SPDX-License-Identifier: AGPL-3.0-or-later
"""A simulated Proxmox VE host: fakepve with a memory. Nothing outside this folder imports it."""
