"""The rules, each in a module of its own, in the order in which they are listed."""

from checks.finding import Rule
from checks.rules import (
    address_outside_pools,
    api_version,
    dependency_cycle,
    dependency_missing,
    health_check,
    image_tag,
    immutable_job,
    kept_data,
    loading,
    network_policy,
    plain_secret,
    pod_security,
    pool_selector,
    remediation,
    retired_project,
    secret_refresh,
    two_owners,
    unknown_field,
)

RULES: tuple[Rule, ...] = (
    *loading.RULES,
    address_outside_pools.RULE,
    api_version.RULE,
    dependency_cycle.RULE,
    dependency_missing.RULE,
    health_check.RULE,
    image_tag.RULE,
    immutable_job.RULE,
    kept_data.RULE,
    network_policy.RULE,
    plain_secret.RULE,
    pod_security.RULE,
    pool_selector.RULE,
    remediation.RULE,
    retired_project.RULE,
    secret_refresh.RULE,
    two_owners.RULE,
    unknown_field.RULE,
)
