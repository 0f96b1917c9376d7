"""The process of the stand-in for pulumi-talos."""

from lab.plugins import sdk
from lab.plugins.talos import cluster, configuration, factory, machine
from provider.rpc import Plugin, Properties, Resource, serve
from provider.rpc.plugin import Function


def plugin() -> Plugin:
    """The provider with all that is modelled of it."""
    images = factory.Factory()

    def configure(config: Properties) -> None:
        images.use(config.get("imageFactoryUrl"))

    resources: dict[str, Resource] = {
        "talos:cluster/kubeconfig:Kubeconfig": cluster.Kubeconfig(),
        "talos:imageFactory/schematic:Schematic": factory.Schematic(images),
        "talos:machine/bootstrap:Bootstrap": machine.Bootstrap(),
        "talos:machine/configurationApply:ConfigurationApply": machine.ConfigurationApply(),
        "talos:machine/secrets:Secrets": machine.Secrets(),
    }
    functions: dict[str, Function] = {
        "talos:client/getConfiguration:getConfiguration": configuration.client,
        "talos:cluster/getHealth:getHealth": cluster.health,
        "talos:cluster/getKubeconfig:getKubeconfig": cluster.kubeconfig,
        "talos:imageFactory/getExtensionsVersions:getExtensionsVersions": images.extensions,
        "talos:imageFactory/getOverlaysVersions:getOverlaysVersions": images.overlays,
        "talos:imageFactory/getUrls:getUrls": images.urls,
        "talos:imageFactory/getVersions:getVersions": images.versions,
        "talos:machine/getConfiguration:getConfiguration": configuration.machine,
        "talos:machine/getDisks:getDisks": cluster.disks,
    }
    return Plugin(
        name="talos",
        version=sdk.provider_version("pulumiverse_talos"),
        configure=configure,
        resources=resources,
        functions=functions,
    )


def main() -> None:
    """Serve the engine until it goes."""
    serve(plugin())


if __name__ == "__main__":
    main()
