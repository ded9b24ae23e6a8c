"""The headers of a signed request to NXCLOUD. What is signed is the body as it is sent."""

import hashlib
import json
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

DOCUMENTS = Path(__file__).resolve().parents[2] / "docs" / "openapi"
PATHS = json.loads((DOCUMENTS / "nxcloud.json").read_text("utf-8"))["paths"]


def headers(url: str, body: bytes) -> dict[str, str]:
    operation = PATHS.get(urlsplit(url).path, {}).get("post")
    if operation is None:
        return {}
    ts = str(time.time_ns() // 1_000_000)
    values = {"accessKey": os.environ["NXCLOUD_ACCESS_KEY"], "ts": ts, **operation["x-signed-as"]}
    text = "&".join(f"{name}={values[name]}" for name in sorted(values)).encode()
    text += b"&body=" + body if body else b""
    text += b"&accessSecret=" + os.environ["NXCLOUD_ACCESS_SECRET"].encode()
    return {**values, "sign": hashlib.md5(text).hexdigest()}
