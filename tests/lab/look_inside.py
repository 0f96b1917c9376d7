"""A handshake with a Talos port, made by a process of its own: what it told, as JSON.

For tests whose machines live in another network namespace than the tests themselves.
"""

import json
import sys
from base64 import b64encode

from provider import talos_probe
from provider.talos_probe import Answer

if __name__ == "__main__":
    found = talos_probe.ask(sys.argv[1])
    told = (
        {"certificate": b64encode(found.certificate).decode(), "wants": found.wants_certificate}
        if isinstance(found, Answer)
        else {"silence": found}
    )
    sys.stdout.write(json.dumps(told))
