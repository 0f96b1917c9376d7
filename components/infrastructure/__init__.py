"""Layer two: machines, their configuration, and a Kubernetes API that answers."""

from components.infrastructure.component import Infrastructure, InfrastructureArgs

__all__ = ["Infrastructure", "InfrastructureArgs"]
