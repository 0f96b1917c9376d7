"""A run without the administrator: whatever would need that login is refused by name.

The vendor's plugin logs in at its first request, and a run that changes none of its resources makes
none (measured with pulumi-proxmoxve 8.3.0). So its provider may be configured with a login that
opens nothing, until something has to be made or changed; then a hook of the engine speaks first, in
a preview too. There is no hook on deletes: the engine would need the program for every destroy.
"""

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions

# In the vendor's form, and nobody's.
LOGIN = "nobody@pve"


def refusing(name: str, stack: str) -> ResourceHookBinding:
    """Hooks that refuse to make or change a resource; `name` is the hook's own."""

    def refuse(args: ResourceHookArgs) -> None:
        raise pulumi.RunError(
            f"{args.name} has to be made or changed, which takes rights over rights, and "
            "hearth:proxmoxAuth is not set; "
            f"`pulumi config set -s {stack} --secret hearth:proxmoxAuth` asks for it, and "
            f"`pulumi config rm -s {stack} hearth:proxmoxAuth` takes it away again after this run"
        )

    hook = ResourceHook(name, refuse, ResourceHookOptions(on_dry_run=True))
    return ResourceHookBinding(before_create=[hook], before_update=[hook])
