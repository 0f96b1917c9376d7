"""Every fault of every simulator, as scenarios `fault-NAME`.

First those that a cluster meets, which share one; then those that start from nothing and end in
nothing; last those after which an `up` makes the cluster.
"""

from lab.scenarios import (
    faults_boxes,
    faults_cloudflare,
    faults_cluster,
    faults_flux,
    faults_machines,
    faults_proxmox,
)
from lab.scenarios.fault import Takeover

FAULTS = (
    *faults_proxmox.FAULTS,
    *faults_boxes.FAULTS,
    *faults_machines.FAULTS,
    *faults_cloudflare.FAULTS,
    *faults_cluster.FAULTS,
    *faults_flux.FAULTS,
)
ENTRIES = (
    *(
        fault.entry()
        for takeover in (Takeover.UNCHANGED, Takeover.MENDED, Takeover.DESTROY, Takeover.UP)
        for fault in FAULTS
        if fault.takeover is takeover
    ),
    faults_flux.SLOW,
)
