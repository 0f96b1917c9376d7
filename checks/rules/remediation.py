"""A HelmRelease that stays failed when it failed once."""

from collections.abc import Iterator

from checks.finding import Finding, Rule
from checks.tree.model import HelmRelease, Tree, mapping

NAME = "remediation"
ACTIONS = ("install", "upgrade")


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each release, with all that is not tried again."""
    for one in tree.releases:
        once = [action for action in ACTIONS if not tried_again(one, action)]
        if once:
            yield one.finding(
                NAME,
                f"HelmRelease {one.name}: an {' or '.join(once)} that fails is not tried again",
                " and ".join(f"set `{action}.remediation.retries`" for action in once)
                + ", or the strategy `RetryOnFailure`",
                *("spec", once[0]),
            )


def tried_again(one: HelmRelease, action: str) -> bool:
    """Whether Flux begins again after a failure; it does not by itself."""
    asked = mapping(one.spec, action)
    retries = mapping(asked, "remediation").get("retries", 0)
    return retries != 0 or mapping(asked, "strategy").get("name") == "RetryOnFailure"


RULE = Rule(
    name=NAME,
    forbids="a HelmRelease whose install or upgrade is tried only once",
    outage="without retries Flux gives a release up at its first failure, be it a registry that "
    "was away for a minute, until somebody changes the release or asks for it by hand",
    find=find,
)
