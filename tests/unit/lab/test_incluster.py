"""What a program finds that knows its cluster only as pods do."""

from pathlib import Path

import pytest

from lab.incluster import lay_out, variables

pytestmark = pytest.mark.unit


def _kubeconfig(token: Path, namespace: str | None = "home") -> dict[str, object]:
    context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
    cluster = {"server": "https://127.0.0.1:7445", "certificate-authority-data": "aGVsbG8="}
    return {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"tokenFile": str(token)}}],
        "contexts": [{"name": "x", "context": context}],
    }


def test_the_api_is_where_the_kubeconfig_says(tmp_path: Path) -> None:
    assert variables(_kubeconfig(tmp_path)) == {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "7445",
    }


def test_the_account_has_the_files_of_a_pods(tmp_path: Path) -> None:
    token, folder = tmp_path / "token", tmp_path / "run" / "serviceaccount"
    token.write_text("first")
    lay_out(_kubeconfig(token), folder)
    read = {path.name: path.read_text() for path in folder.iterdir()}
    assert read == {"ca.crt": "hello", "namespace": "home", "token": "first"}


def test_a_renewed_token_is_seen(tmp_path: Path) -> None:
    token, folder = tmp_path / "token", tmp_path / "account"
    token.write_text("first")
    lay_out(_kubeconfig(token, namespace=None), folder)
    (tmp_path / "fresh").write_text("second")
    (tmp_path / "fresh").rename(token)
    assert (folder / "token").read_text() == "second"
    assert (folder / "namespace").read_text() == "default"


def test_a_kubeconfig_without_a_cluster_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the kubeconfig has no cluster"):
        variables(_kubeconfig(tmp_path) | {"clusters": []})
