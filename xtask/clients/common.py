"""What the tests of both Python clients share: what is asked, and every example of the documents."""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

from signing import DOCUMENTS

APPKEY = os.environ["NXCLOUD_APPKEY"]
PHONES = ["85264123400", "85264123401"]
MOBILE = "13800138000"
WRONG_KEY = "0" * 32
# The platform's day is China's.
TODAY = datetime.now(timezone(timedelta(hours=8))).strftime("%Y-%m-%d")


def examples(document: str) -> Iterator[tuple[str, dict]]:
    """The name of the schema and the value of every example."""

    def below(node: object) -> Iterator[tuple[str, dict]]:
        if isinstance(node, dict):
            if "schema" in node:
                name = node["schema"].get("$ref", "").rpartition("/")[2]
                yield from ((name, example["value"]) for example in node.get("examples", {}).values())
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                yield from below(child)

    return below(json.loads((DOCUMENTS / f"{document}.json").read_text("utf-8")))


def wait_for(ask: Callable[[], list]) -> list:
    """Asks until there are as many rows as phone numbers."""
    for _ in range(100):
        if len(rows := ask()) == len(PHONES):
            return rows
        time.sleep(0.1)
    raise TimeoutError("the results do not come")
