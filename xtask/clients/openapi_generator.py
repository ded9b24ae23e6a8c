"""Submits, queries and asks QXT through the clients that openapi-generator makes, against a sandbox."""

import os

import nxcloud
import qxt
import urllib3

import common
import signing


class Signed(urllib3.PoolManager):
    """Signs each request with the bytes that leave."""

    def request(self, method, url, body=None, headers=None, **rest):
        body = (body or "").encode()
        return super().request(method, url, body=body, headers={**headers, **signing.headers(url, body)}, **rest)


client = nxcloud.ApiClient(nxcloud.Configuration(host=os.environ["NXCLOUD_BASE_URL"]))
client.rest_client.pool_manager = Signed()
number_check, batch = nxcloud.NumberCheckApi(client), f"generator-{os.getpid()}"

submit = nxcloud.SubmitBody(phone=",".join(common.PHONES), batch_no=batch, check_level=1, appkey=common.APPKEY)
submitted = number_check.number_check_submit(submit)
assert submitted.code == 0, submitted

query = nxcloud.QueryBody(page=1, page_size=10, date=common.TODAY, batch_no=batch, appkey=common.APPKEY)
rows = common.wait_for(lambda: (found := number_check.number_check_query(query)).data and found.data.result or [])
assert sorted(row.phone for row in rows) == common.PHONES, rows

phones = nxcloud.WhatsappApi(client).whatsapp_phone_list(nxcloud.PhoneListBody(appkey=common.APPKEY))
assert phones.code == 0, phones

privacy = qxt.QxtApi(qxt.ApiClient(qxt.Configuration(host=os.environ["QXT_BASE_URL"])))
answer = privacy.qxt_privacy(apikey=os.environ["QXT_API_KEY"], mobile=common.MOBILE)
assert answer.code == 0 and answer.result.mobile == common.MOBILE, answer
refused = privacy.qxt_privacy(apikey=common.WRONG_KEY, mobile=common.MOBILE)
assert refused.code == -1, refused



def filled(value: object) -> object:
    """Without what is null: the client makes no difference between that and nothing."""
    if isinstance(value, dict):
        return {key: filled(child) for key, child in value.items() if child is not None}
    return [filled(child) for child in value] if isinstance(value, list) else value


for package in (nxcloud, qxt):
    for name, value in common.examples(package.__name__):
        # The parameters of a form have no class of their own.
        if model := getattr(package, name, None):
            assert filled(client.sanitize_for_serialization(model.from_dict(value))) == filled(value), name
