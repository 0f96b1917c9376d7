"""Layer four: where volumes come from, and what becomes of them."""

from components.storage.component import Storage, StorageArgs, VolumeClaim, VolumeClaimArgs

__all__ = ["Storage", "StorageArgs", "VolumeClaim", "VolumeClaimArgs"]
