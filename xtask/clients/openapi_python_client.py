"""Submits, queries and asks QXT through the clients that openapi-python-client makes, against a sandbox."""

import os

import httpx
import nxcloud_client.models
import qxt_client.models
from nxcloud_client.api.number_check import number_check_query, number_check_submit
from nxcloud_client.api.whatsapp import whatsapp_phone_list
from nxcloud_client.models import PhoneListBody, QueryBody, SubmitBody
from qxt_client.api.qxt import qxt_privacy
from qxt_client.models import PrivacyBody

import common
import signing


def sign(request: httpx.Request) -> None:
    request.headers.update(signing.headers(str(request.url), request.content))


arguments = {"event_hooks": {"request": [sign]}}
client = nxcloud_client.Client(base_url=os.environ["NXCLOUD_BASE_URL"], httpx_args=arguments)
batch = f"python-client-{os.getpid()}"

submit = SubmitBody(phone=",".join(common.PHONES), batch_no=batch, check_level=1, appkey=common.APPKEY)
submitted = number_check_submit.sync(client=client, body=submit)
assert submitted.code == 0, submitted

query = QueryBody(page=1, page_size=10, date=common.TODAY, batch_no=batch, appkey=common.APPKEY)
rows = common.wait_for(lambda: (data := number_check_query.sync(client=client, body=query).data) and data.result or [])
assert sorted(row.phone for row in rows) == common.PHONES, rows

phones = whatsapp_phone_list.sync(client=client, body=PhoneListBody(appkey=common.APPKEY))
assert phones.code == 0, phones

qxt = qxt_client.Client(base_url=os.environ["QXT_BASE_URL"])
answer = qxt_privacy.sync(client=qxt, body=PrivacyBody(apikey=os.environ["QXT_API_KEY"], mobile=common.MOBILE))
assert answer.code == 0 and answer.result.mobile == common.MOBILE, answer
refused = qxt_privacy.sync(client=qxt, body=PrivacyBody(apikey=common.WRONG_KEY, mobile=common.MOBILE))
assert refused.code == -1, refused

for document, models in (("nxcloud", nxcloud_client.models), ("qxt", qxt_client.models)):
    for name, value in common.examples(document):
        assert getattr(models, name).from_dict(value).to_dict() == value, name
