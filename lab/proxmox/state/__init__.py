# SPDX-License-Identifier: AGPL-3.0-or-later
"""The pure state of the host: no fakepve, no network, no files."""
