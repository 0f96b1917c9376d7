"""The Proxmox CSI driver's configuration and Helm values. Pure; the token comes in as a value.

A volume handle reads `region/zone/storage/volume`, so region and zone are the same in three places:
the nodes' labels, the driver's Secret, the StorageClass. All three derive from the same facts.
"""

from typing import Any

import yaml

from config import naming
from config.cluster import Cluster
from config.proxmox import Proxmox
from config.services import ProxmoxCsi

NAMESPACE = "csi-proxmox"
CONFIG_SECRET, CONFIG_KEY = "proxmox-csi-plugin", "config.yaml"


def driver_config(stack: str, proxmox: Proxmox, token_value: str) -> str:
    """The driver's config file: how its pods reach the Proxmox API, and as whom.

    `token_value` is what Proxmox shows once: `user@realm!name=secret`.
    """
    token_id, _, secret = token_value.partition("=")
    cluster = {
        "url": f"{proxmox.endpoint}/api2/json",
        "insecure": proxmox.insecure,
        "token_id": token_id or f"{naming.csi_user(stack)}!{naming.csi_token(stack)}",
        "token_secret": secret,
        "region": proxmox.region,
    }
    return yaml.safe_dump({"clusters": [cluster]}, sort_keys=False)


def values(cluster: Cluster, proxmox: Proxmox, csi: ProxmoxCsi) -> dict[str, Any]:
    """Helm values: the Secret that exists, one StorageClass, the controller on control planes."""
    control_plane = "node-role.kubernetes.io/control-plane"
    storage_class = {
        "name": csi.storage_class,
        "storage": csi.datastore,
        # The sweep at destroy knows what the driver made; nothing is retained behind its back.
        "reclaimPolicy": "Delete",
        "fstype": "ext4",
        "ssd": "true",
        "cache": "none",
        "allowedTopologies": [
            {
                "matchLabelExpressions": [
                    {"key": "topology.kubernetes.io/region", "values": [proxmox.region]},
                    {
                        "key": "topology.kubernetes.io/zone",
                        "values": [host.name for host in proxmox.hosts],
                    },
                ]
            }
        ],
    }
    return {
        "existingConfigSecret": CONFIG_SECRET,
        "existingConfigSecretKey": CONFIG_KEY,
        "storageClass": [storage_class],
        "nodeSelector": {control_plane: ""},
        "tolerations": [{"key": control_plane, "effect": "NoSchedule"}],
        "replicaCount": 2 if len(cluster.control_planes) > 1 else 1,
    }
