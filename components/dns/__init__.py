"""Layer seven: names that resolve."""

from components.dns.component import DelegatedZone, DelegatedZoneArgs

__all__ = ["DelegatedZone", "DelegatedZoneArgs"]
