"""The plugin `hearth`: which resources it has, and how its configuration reaches them.

Life cycles that no vendor's provider has. It is found through `plugins:` in Pulumi.yaml, so it is
the repository's own code that runs, and nothing has to be installed.
"""

from provider import cloudflare
from provider.adopted_host import AdoptedHost
from provider.anchor import Anchor
from provider.cloudflare_preflight import CloudflarePreflight
from provider.convergence import Convergence
from provider.delegation import Delegation
from provider.founding import Bootstrap
from provider.gate import Gate
from provider.host_preflight import HostPreflight
from provider.machine_answers import MachineAnswers
from provider.membership import Membership
from provider.preflight import Preflight
from provider.proxmox import Credentials
from provider.quorum import Quorum
from provider.record_sweep import RecordSweep
from provider.rpc import Plugin, Properties, plain, serve
from provider.sweep import VolumeSweep
from provider.tunnel_connections import TunnelConnections
from provider.turn import Turn

NAME, VERSION = "hearth", "0.1.0"


def build() -> Plugin:
    """The plugin with its resources; configuring it hands out the vendors' credentials."""
    sweep, preflight = VolumeSweep(), Preflight()
    names, tunnel, records = CloudflarePreflight(), TunnelConnections(), RecordSweep()

    def configure(settings: Properties) -> None:
        given = plain(settings)
        if given.get("proxmoxEndpoint") and given.get("proxmoxToken"):
            credentials = Credentials(
                endpoint=given["proxmoxEndpoint"],
                token=given["proxmoxToken"],
                insecure=str(given.get("proxmoxInsecure", "")).lower() == "true",
            )
            sweep.credentials = preflight.credentials = credentials
        if given.get("cloudflareToken"):
            token = cloudflare.Credentials(token=given["cloudflareToken"])
            names.credentials = tunnel.credentials = records.credentials = token

    return Plugin(
        name=NAME,
        version=VERSION,
        configure=configure,
        resources={
            "hearth:index:AdoptedHost": AdoptedHost(),
            "hearth:index:Anchor": Anchor(),
            "hearth:index:Bootstrap": Bootstrap(),
            "hearth:index:CloudflarePreflight": names,
            "hearth:index:Convergence": Convergence(),
            "hearth:index:Delegation": Delegation(),
            "hearth:index:Gate": Gate(),
            "hearth:index:HostPreflight": HostPreflight(),
            "hearth:index:MachineAnswers": MachineAnswers(),
            "hearth:index:Membership": Membership(),
            "hearth:index:Preflight": preflight,
            "hearth:index:Quorum": Quorum(),
            "hearth:index:RecordSweep": records,
            "hearth:index:TunnelConnections": tunnel,
            "hearth:index:Turn": Turn(),
            "hearth:index:VolumeSweep": sweep,
        },
    )


def main() -> None:
    """Serve until the engine goes away."""
    serve(build())
