"""HubSpot's signatures of a request: v3, and v1 beside it."""

import base64
import hashlib
import hmac
from typing import Final

_ESCAPES: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'",
    "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
"""What is decoded in the address before it is signed."""


def signed(secret: str, method: str, address: str, body: bytes, milliseconds: int) -> dict[str, str]:
    """The headers with which a receiver knows the sender."""
    for escape, sign in _ESCAPES.items():
        address = address.replace(escape, sign).replace(escape.lower(), sign)
    text = f"{method}{address}".encode() + body + str(milliseconds).encode()
    code = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return {
        "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
        "X-HubSpot-Signature-Version": "v1",
        "X-HubSpot-Signature-v3": base64.b64encode(code).decode(),
        "X-HubSpot-Request-Timestamp": str(milliseconds),
    }
