"""What controllers' words mean, and what to do: one rule for each way to get stuck.

Data: a pattern over the words of an object and of what it checks, what that means, and the fix.
`final` ones do not pass by themselves, however long one waits. The words are those of
source-controller 1.9, kustomize-controller 1.9, helm-controller 1.6 (Helm 4) and Kubernetes 1.36.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`means` and `fix` may quote what the pattern has caught, by the names of its groups.

    Rules that are only about fetching say so: others quote the same words of a network.
    """

    name: str
    pattern: re.Pattern[str]
    means: str
    fix: str
    final: bool = False
    fetching: bool = False


def rule(
    name: str, pattern: str, means: str, fix: str, *, final: bool = False, fetching: bool = False
) -> Rule:
    """A rule; its pattern minds no case and reaches over lines."""
    compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return Rule(name=name, pattern=compiled, means=means, fix=fix, final=final, fetching=fetching)


OBJECT = r"(?P<object>[A-Z]\w*(?:/[\w.:-]+){1,2})"

SOURCES = (
    rule(
        "source-host-key",
        r"knownhosts: key (?:mismatch|is unknown)|host key verification failed|'known_hosts' is "
        r"required|hashed known host",
        "the Git server shows a host key that `gitops.knownHosts` does not name",
        "compare the server's published key with `gitops.knownHosts` in the stack's file; "
        "`ssh-keyscan HOST` shows what it offers",
        final=True,
        fetching=True,
    ),
    rule(
        "source-denied",
        r"unable to authenticate|authentication required|authorization failed|invalid auth method|"
        r"invalid credentials|401 Unauthorized|403 Forbidden|repository not found",
        "the server refuses the key, or there is no such repository for it",
        "give the public half that `./hearth identity show STACK` prints to the repository as a "
        "deploy key, and look at the address `gitops.repository`",
        fetching=True,
    ),
    rule(
        "source-secret",
        r"failed to get secret '(?P<secret>[^']+)'",
        "the Secret {secret} with the credentials is not there",
        "the stack makes it: run `pulumi up` again, or look at `pullSecret` of the FluxInstance",
        fetching=True,
    ),
    rule(
        "source-branch",
        r"couldn't find remote ref \"?(?P<ref>[^\s\"]+)|reference not found|"
        r"git repository is empty|unable to resolve ref",
        "the repository has no such branch",
        "push it, or change `gitops.branch` in the stack's file",
        fetching=True,
    ),
    rule(
        "chart-missing",
        r"no '(?P<chart>[^']+)' chart with version matching '(?P<version>[^']+)' found|"
        r"no chart version found|invalid chart reference|no chart name found|"
        r"chart \"(?P<other>[^\"]+)\" (?:matching .* )?not found",
        "the repository has no such chart in that version",
        "look at the chart's name and version in the HelmRelease, and at the repository's index",
        fetching=True,
    ),
    rule(
        "source-unreachable",
        r"no such host|dial tcp|i/o timeout|connection refused|connection reset|"
        r"failed to fetch Helm repository index|server misbehaving|TLS handshake timeout|"
        r"certificate signed by unknown authority|HTTP 50\d|status code: 50\d",
        "the server does not answer the cluster",
        "look at its address, the cluster's DNS and the nodes' way out "
        "(`kubectl -n flux-system logs deploy/source-controller`)",
        fetching=True,
    ),
    rule(
        "path-missing",
        r"kustomization path not found: (?P<path>[^\n]+)",
        "the folder of `spec.path` is not in the revision that was fetched",
        "push the folder, or mend `path`",
        final=True,
    ),
    rule(
        "source-gone",
        r"source '?(?P<source>[^'\s]+)'? not found|unable to get source '(?P<other>[^']+)'|"
        r"failed to get source: (?P<third>[^\n]+)|could not get source object",
        "the source that it names does not exist",
        "make it in the tree, or mend `sourceRef`",
    ),
)

BUILDING = (
    rule(
        "substitution",
        r"substitute from '(?P<from>[^']+)' error|variable substitution failed|"
        r"post build failed for '(?P<object>[^']+)'|variable not set|missing closing brace",
        "a variable of `postBuild` has no value, or its ConfigMap or Secret is missing",
        "`cluster-settings` and `cluster-secrets` come from `seeds` in the stack's file: add it "
        "there, give a default as in ${{name:=value}}, or write $$ for a plain $",
    ),
    rule(
        "decryption",
        r"is SOPS encrypted, configuring decryption is required|error decrypting|decryption failed",
        "a Secret in the tree is encrypted with SOPS and Flux cannot open it",
        "set `spec.decryption` with the age key's Secret (`seeds.sopsAge`), or seal it instead",
        final=True,
    ),
    rule(
        "build",
        r"kustomize build failed: (?P<why>[^\n]+)",
        "the tree cannot be built",
        "`kustomize build` the folder at home: it says the same",
        final=True,
    ),
    rule(
        "external-secrets-v1beta1",
        r"no matches for kind \"(?P<kind>\w+)\" in version \"external-secrets\.io/v1beta1\"",
        "{kind} is written for external-secrets.io/v1beta1, which the operator dropped in 0.17",
        "write `apiVersion: external-secrets.io/v1`",
        final=True,
    ),
    rule(
        "kind-unknown",
        r"no matches for kind \"(?P<kind>\w+)\" in version \"(?P<version>[\w./-]+)\"",
        "the cluster has no definition of {kind} in {version}",
        "let it depend on the Kustomization whose chart brings the definition, with health checks "
        "there, or mend the version",
    ),
    rule(
        "namespace-missing",
        r"namespaces \"(?P<namespace>[\w-]+)\" not found|namespace not specified",
        "it applies into a namespace that is not there",
        "put the Namespace into the same Kustomization, or let it depend on the one that makes it",
    ),
    rule(
        "immutable-job",
        r"Job/(?P<job>[\w./-]+) dry-run failed.*?(?:field is immutable|immutable field)",
        "Job {job} exists, and Flux cannot change a Job: all of this Kustomization stops there",
        "delete the Job (`kubectl -n NAMESPACE delete job NAME`); for good, make it a CronJob or "
        "give it the annotation `kustomize.toolkit.fluxcd.io/force: enabled`",
        final=True,
    ),
    rule(
        "immutable",
        OBJECT + r" dry-run failed.*?(?:is immutable|immutable field|may not be changed)",
        "{object} exists, and a field that the tree changes cannot be changed",
        "delete it, or annotate it in the tree with `kustomize.toolkit.fluxcd.io/force: enabled` "
        "where losing it does no harm",
        final=True,
    ),
    rule(
        "webhook",
        r"failed calling webhook \"(?P<webhook>[^\"]+)\"",
        "the admission webhook {webhook} does not answer",
        "let it depend on the Kustomization that runs the webhook, with a health check on it",
    ),
    rule(
        "pod-security",
        r"violates PodSecurity \"(?P<level>[^\"]+)\":?(?P<why>[^\n]*)",
        "the namespace's Pod Security level {level} refuses the pods",
        "give the pods what the message lists (runAsNonRoot, seccompProfile, capabilities), or the "
        "namespace the label `pod-security.kubernetes.io/enforce` with the level that they need",
        final=True,
    ),
    rule(
        "forbidden",
        r"is forbidden: User \"(?P<user>[^\"]+)\" cannot (?P<what>[^\n]{1,80})",
        "{user} may not {what}",
        "bind the rights to the service account that the message names",
    ),
    rule(
        "invalid",
        OBJECT + r" dry-run failed \((?:Invalid|BadRequest)\): (?P<why>[^\n]+)",
        "the API refuses {object}",
        "mend the manifest as the message says",
        final=True,
    ),
)

HELM = (
    rule(
        "helm-template-release",
        r"map has no entry for key \"?Release\"?",
        "a chart's template quotes Go templates of external-secrets, and Helm filled them in",
        "escape them for Helm: {{{{ `{{{{ .value }}}}` }}}}; inside an ExternalSecret there is no "
        ".Release",
        final=True,
    ),
    rule(
        "helm-hooks",
        r"(?P<hook>(?:pre|post)-(?:install|upgrade)) hooks failed|"
        r"failed (?P<other>(?:pre|post)-install)",
        "a hook of the chart did not end well",
        "look at the hook's Job and its pod; its time counts into the release's `timeout`, and "
        "that into the Kustomization's",
    ),
    rule(
        "helm-timeout",
        r"Helm (?P<verb>install|upgrade) failed .*?(?:context deadline exceeded|timed out waiting|"
        r"not ready\. status: InProgress)",
        "the chart was applied, and what it makes did not become Ready within `spec.timeout`",
        "look at what the message names; where it only needs longer, raise `timeout` of the "
        "HelmRelease, and that of the Kustomization above it",
    ),
    rule(
        "helm-retries",
        r"Failed to (?P<verb>\w+) after (?P<count>\d+) attempt",
        "Helm gave up after {count} attempts and does not try again by itself",
        "mend the cause, then `flux reconcile helmrelease NAME --reset`, or push a change of it; "
        "`install.remediation.retries` says how often it tries",
        final=True,
    ),
    rule(
        "helm-values",
        r"(?:unable to find key|could not find|missing required) .*?values|"
        r"values don't meet the specifications|could not resolve .* chart values reference",
        "the values are not there, or the chart's schema refuses them",
        "mend `values` or the ConfigMap or Secret of `valuesFrom`",
        final=True,
    ),
    rule(
        "helm-render",
        r"execution error at \((?P<where>[^)]+)\)|template: (?P<template>\S+?):\d+",
        "the chart cannot be rendered with these values",
        "`helm template` with the same values says the same",
        final=True,
    ),
    rule(
        "helm-failed",
        r"Helm (?P<verb>install|upgrade|rollback|uninstall|test) failed",
        "Helm's {verb} failed",
        "mend what the message names; `kubectl -n NAMESPACE describe helmrelease NAME` shows all",
    ),
)

HEALTH = (
    rule(
        "job-failed",
        r"Job/(?P<job>[\w./-]+) status: 'Failed'",
        "Job {job} failed, and a Job that failed stays so",
        "look at its pod's log, mend it, then delete the Job: Flux makes it anew; better a CronJob",
        final=True,
    ),
    rule(
        "image-pull",
        r"ErrImagePull|ImagePullBackOff|Failed to pull image \"(?P<image>[^\"]+)\"",
        "an image cannot be pulled",
        "look at its name and tag, and at the nodes' way to the registry",
    ),
    rule(
        "volume",
        r"unbound immediate PersistentVolumeClaims|waiting for first consumer|"
        r"storageclass\.storage\.k8s\.io \"(?P<class>[^\"]+)\" not found|ProvisioningFailed",
        "a volume is not there",
        "look at the PersistentVolumeClaim's class and at the storage driver's pods",
    ),
    rule(
        "unschedulable",
        r"(?P<nodes>\d+/\d+ nodes are available[^\n]*)",
        "no node takes the pod: {nodes}",
        "give it less to ask for, or the cluster more",
    ),
    rule(
        "health-of-nothing",
        OBJECT + r" status: 'NotFound'",
        "a health check waits for {object}, which is not in the cluster",
        "mend the check's kind, name and namespace; where something makes it that waits for this "
        "Kustomization, take the check out: that is a deadlock",
        final=True,
    ),
    rule(
        "health-unknown",
        r"can't determine status for (?P<object>[\w./:-]+)",
        "nobody could say how {object} is",
        "a health check needs an object with a status: mend its kind and name, or take it out",
    ),
    rule(
        "health-failed",
        OBJECT + r" status: 'Failed'",
        "{object} failed",
        "look at it: `kubectl describe`",
    ),
    rule(
        "health-timeout",
        OBJECT + r" status: '(?:InProgress|Unknown|Terminating)'",
        "{object} did not become Ready within the Kustomization's `timeout`",
        "look at its pods; where it only needs longer, raise `timeout`",
    ),
)

RULES = (*SOURCES, *BUILDING, *HELM, *HEALTH)
# Said by others as well: left out where one that knows more has spoken.
GENERAL = frozenset({"health-timeout", "health-failed", "helm-failed", "helm-timeout", "invalid"})
