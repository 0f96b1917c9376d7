"""Layer six: the hand-over to Flux."""

from components.gitops.component import Converged, ConvergedArgs, Flux, FluxArgs

__all__ = ["Converged", "ConvergedArgs", "Flux", "FluxArgs"]
