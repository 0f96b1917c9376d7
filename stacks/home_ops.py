"""What is special about home-ops: Mac minis that a person booted, and nothing that makes machines.

The program adopts the hosts, and at the end resets them: systems and data disks stay. Volumes are
Longhorn's, which comes from the GitOps tree; its disks are in the machines' configurations.
"""

from components.auth.hosts import HostAuth, HostAuthArgs
from components.infrastructure.adopted import AdoptedMachines
from stacks.special import Ground, Special


class OnHosts(Special):
    """A cluster of physical hosts."""

    def ground(self) -> Ground:
        """The hosts themselves: there is no hypervisor to ask."""
        auth = HostAuth("auth", HostAuthArgs(cloudflare_token=self.facts.keys.cloudflare_token))
        return Ground(hearth=auth.hearth, step=AdoptedMachines(), providers=[auth.hearth])
