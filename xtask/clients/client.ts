// Submits, queries and asks QXT through the clients that openapi-generator makes, against a sandbox.
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import * as nxcloud from "./nxcloud/index.js";
import * as qxt from "./qxt/index.js";

function variable(name: string): string {
    const value = process.env[name];
    assert(value, `${name} is not set`);
    return value;
}

const paths = JSON.parse(readFileSync(variable("NXCLOUD_DOCUMENT"), "utf8")).paths;

/** Signs each request with the text that leaves. */
async function signed(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    const values: Record<string, string> = {
        accessKey: variable("NXCLOUD_ACCESS_KEY"),
        ts: String(Date.now()),
        ...paths[new URL(String(url)).pathname].post["x-signed-as"],
    };
    const parts = Object.keys(values).sort().map((name) => `${name}=${values[name]}`);
    if (init.body) parts.push(`body=${init.body}`);
    parts.push(`accessSecret=${variable("NXCLOUD_ACCESS_SECRET")}`);
    const sign = createHash("md5").update(parts.join("&")).digest("hex");
    return fetch(url, { ...init, headers: { ...init.headers, ...values, sign } });
}

const configuration = new nxcloud.Configuration({ basePath: variable("NXCLOUD_BASE_URL"), fetchApi: signed });
const numberCheck = new nxcloud.NumberCheckApi(configuration);
const appkey = variable("NXCLOUD_APPKEY");
const phones = ["85264123400", "85264123401"];
const batchNo = `typescript-${process.pid}`;

const submitBody = { phone: phones.join(","), batchNo, checkLevel: 1, appkey };
const submitted = await numberCheck.numberCheckSubmit({ submitBody });
assert.equal(submitted.code, 0, JSON.stringify(submitted));

// The platform's day is China's.
const date = new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10);
const queryBody = { page: 1, pageSize: 10, date, batchNo, appkey };
let rows: nxcloud.QueryRow[] = [];
for (let asked = 0; asked < 100 && rows.length < phones.length; asked++) {
    rows = (await numberCheck.numberCheckQuery({ queryBody })).data?.result ?? [];
    await new Promise((resolve) => setTimeout(resolve, 100));
}
assert.deepEqual(rows.map((row) => row.phone).sort(), phones);

const listed = await new nxcloud.WhatsappApi(configuration).whatsappPhoneList({ phoneListBody: { appkey } });
assert.equal(listed.code, 0, JSON.stringify(listed));

const privacy = new qxt.QxtApi(new qxt.Configuration({ basePath: variable("QXT_BASE_URL") }));
const mobile = "13800138000";
const answer = await privacy.qxtPrivacy({ apikey: variable("QXT_API_KEY"), mobile });
assert.equal(answer.code, 0, JSON.stringify(answer));
assert.equal(answer.result?.mobile, mobile);
const refused = await privacy.qxtPrivacy({ apikey: "0".repeat(32), mobile });
assert.equal(refused.code, -1, JSON.stringify(refused));
