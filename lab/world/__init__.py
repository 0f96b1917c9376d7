"""The lab's world: private namespaces, a LAN, certificates, names, supervised services.

`World` starts one and owns it; `Running` is one that is up. Which services a stack has is a table
in `lab.world.services`; what they do is theirs.
"""

from lab.world.errors import WorldError
from lab.world.plan import FileProbe, HttpProbe, PortProbe, Service, WorldPlan
from lab.world.running import Running
from lab.world.world import World

__all__ = [
    "FileProbe",
    "HttpProbe",
    "PortProbe",
    "Running",
    "Service",
    "World",
    "WorldError",
    "WorldPlan",
]
