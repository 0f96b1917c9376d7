"""Layer five: the seeds of the secret stores."""

from components.secrets.component import SecretSeeds, SecretSeedsArgs

__all__ = ["SecretSeeds", "SecretSeedsArgs"]
