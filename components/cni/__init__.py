"""Layer three: Cilium."""

from components.cni.component import Cni, CniArgs

__all__ = ["Cni", "CniArgs"]
