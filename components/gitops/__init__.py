"""Layer six: the hand-over to Flux."""

from components.gitops.component import Flux, FluxArgs

__all__ = ["Flux", "FluxArgs"]
