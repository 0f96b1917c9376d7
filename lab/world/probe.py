"""Asking a service whether it is ready. One question at a time; waiting is the caller's."""

import socket
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import assert_never

from lab.world.plan import FileProbe, HttpProbe, PortProbe, Probe

TIMEOUT = 2.0  # seconds per question


def is_ready(probe: Probe, bundle: Path) -> bool:
    """Ask once. No proxy is ever used: everything the lab asks is on this machine."""
    match probe:
        case HttpProbe(url=url):
            return _answers(url, bundle)
        case PortProbe(host=host, port=port):
            return _accepts(host, port)
        case FileProbe(path=path):
            return path.exists()
        case _:
            assert_never(probe)


def describe(probe: Probe) -> str:
    """Say what is waited for."""
    match probe:
        case HttpProbe(url=url):
            return f"GET {url}"
        case PortProbe(host=host, port=port):
            return f"a connection to {host}:{port}"
        case FileProbe(path=path):
            return f"the file {path}"
        case _:
            assert_never(probe)


def _answers(url: str, bundle: Path) -> bool:
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if url.startswith("https:"):
        context = ssl.create_default_context(cafile=str(bundle))
        handlers.append(urllib.request.HTTPSHandler(context=context))
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(url, timeout=TIMEOUT) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except (OSError, ValueError):
        return False


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT):
            return True
    except OSError:
        return False
