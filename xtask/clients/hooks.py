"""Lets schemathesis past the signature, and in front of it: about every other request has the account's own keys."""

import os

import requests
import schemathesis

import signing

KEYS = {"appkey": os.environ["NXCLOUD_APPKEY"], "apikey": os.environ["QXT_API_KEY"]}


class Signed(requests.auth.AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        request.headers.update(signing.headers(request.url, body.encode() if isinstance(body, str) else body))
        return request


schemathesis.auth.set_from_requests(Signed())


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and len(str(body)) % 2:
        body.update({name: value for name, value in KEYS.items() if name in body})
    return body
