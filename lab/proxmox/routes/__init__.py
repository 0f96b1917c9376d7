# SPDX-License-Identifier: AGPL-3.0-or-later
"""The endpoints of the host whose answers are kept rather than made up. Not fakepve's own."""
