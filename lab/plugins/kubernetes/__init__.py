"""A stand-in for pulumi-kubernetes: any kind, and Helm releases, on a real API server."""
