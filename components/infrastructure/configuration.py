"""Machine configuration under Pulumi: secrets, one rendered config per machine, its application.

Rendered by Talos' own code in the provider, before the machine is made; patches come from
`patches`, redacted copies of them go into `pulumi.Stash` for people to read. Nothing here
bootstraps anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumiverse_talos as talos
from pulumi import Input, InvokeOutputOptions, Output, Resource, ResourceOptions

from components.infrastructure.patches import Document, documents, tailscale
from components.infrastructure.steps import held
from components.infrastructure.text import dumped
from components.infrastructure.view import View, view
from components.naming import child, token
from config import versions
from config.cluster import Cluster
from config.machines import Machine

APPLY_TIMEOUT = "10m"


def machine_secrets(secrets: talos.machine.Secrets) -> Output[Any]:
    """The secrets as the invoke wants them: camelCase.

    The SDK translates nested arguments of resources but not of invokes (pulumiverse/pulumi-talos
    issue 103), so the translation is written out.
    """

    def camel(given: Any) -> dict[str, Any]:
        pair = {
            name: {"cert": getattr(given.certs, attr).cert, "key": getattr(given.certs, attr).key}
            for name, attr in (
                ("etcd", "etcd"),
                ("k8s", "k8s"),
                ("k8sAggregator", "k8s_aggregator"),
                ("os", "os"),
            )
        }
        return {
            "certs": {**pair, "k8sServiceaccount": {"key": given.certs.k8s_serviceaccount.key}},
            "cluster": {"id": given.cluster.id, "secret": given.cluster.secret},
            "secrets": {
                "bootstrapToken": given.secrets.bootstrap_token,
                "secretboxEncryptionSecret": given.secrets.secretbox_encryption_secret,
            },
            "trustdinfo": {"token": given.trustdinfo.token},
        }

    return Output.secret(secrets.machine_secrets.apply(camel))


@dataclass(frozen=True, kw_only=True)
class RenderedArgs:
    """A machine's facts, and what its configuration is rendered with.

    `secrets` is what `machine_secrets` makes of them, once for all machines; `checked` is there
    once the ground has been looked at.
    """

    cluster: Cluster
    machine: Machine
    installer: Input[str]
    secrets: Input[Any]
    tailscale_key: Input[str] | None
    checked: Output[Any]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A machine's configuration: the whole text, which is secret, and the patches that went in."""

    text: Output[str]
    patches: Output[list[Document]]


def rendered(args: RenderedArgs, parent: Resource) -> Rendered:
    """The configuration of one machine; it needs no machine yet."""
    cluster = args.cluster
    patches = patch_documents(args)
    result = talos.machine.get_configuration_output(
        # Not before the ground has been looked at: a question to a plugin that is open when a check
        # ends the run comes back as a traceback, because the engine closes the plugin first.
        cluster_name=held(cluster.name, args.checked),
        cluster_endpoint=cluster.endpoint,
        machine_type=args.machine.role.talos,
        machine_secrets=args.secrets,
        # The contract is pinned for the cluster's life; the versions below are what runs.
        talos_version=cluster.talos.contract,
        kubernetes_version=versions.KUBERNETES.removeprefix("v"),
        config_patches=patches.apply(lambda found: [dumped(item) for item in found]),
        docs=False,
        examples=False,
        opts=InvokeOutputOptions(parent=parent),
    )
    return Rendered(text=result.machine_configuration, patches=patches)


@dataclass(frozen=True, kw_only=True)
class ConfiguredMachineArgs:
    """A machine's facts and configuration; its address and life from the step before."""

    machine: Machine
    address: Input[str]
    made: Sequence[Resource]
    configuration: Rendered
    secrets: talos.machine.Secrets
    view_key: Input[str]


class ConfiguredMachine(pulumi.ComponentResource):
    """A machine with its configuration applied."""

    applied: talos.machine.ConfigurationApply

    def __init__(
        self, name: str, args: ConfiguredMachineArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(token("infrastructure", "ConfiguredMachine"), name, None, opts)
        pulumi.Stash(
            child(name, "view"),
            input=visible(args.configuration.patches, args.view_key),
            opts=ResourceOptions(parent=self),
        )
        self.applied = talos.machine.ConfigurationApply(
            child(name, "config"),
            node=args.address,
            endpoint=args.address,
            client_configuration=args.secrets.client_configuration,
            machine_configuration_input=args.configuration.text,
            # All three, or the real plugin ends with "recovered raw state does not byte-for-byte
            # match the original raw state": its state has nulls where ours has nothing.
            timeouts=dict.fromkeys(("create", "update", "delete"), APPLY_TIMEOUT),
            # A machine that was made anew is blank, and nothing in this resource's own inputs
            # would say so: the address stays.
            opts=ResourceOptions(parent=self, replace_with=list(args.made)),
        )
        self.register_outputs({})


def patch_documents(args: RenderedArgs) -> Output[list[Document]]:
    """Every patch of the machine, the Tailscale key among them on control planes."""
    settings = args.cluster.talos.tailscale
    joins = settings is not None and args.machine.is_control_plane
    key = args.tailscale_key if joins else None

    def collect(values: list[Any]) -> list[Document]:
        installer, auth_key = values
        found = documents(args.cluster, args.machine, installer)
        if settings is not None and auth_key:
            found.append(tailscale(settings, args.machine.name, auth_key))
        return found

    return Output.all(args.installer, key).apply(collect)


def visible(patches: Output[list[Document]], key: Input[str]) -> Output[View]:
    """The redacted documents: what is secret is a keyed hash by now, so the mark can go."""
    shown = Output.all(patches, key).apply(lambda values: view(values[0], values[1].encode()))
    return Output.unsecret(shown)
