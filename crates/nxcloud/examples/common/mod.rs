//! What the examples share: a client of a sandbox.

use std::error::Error;

use numcheck_nxcloud::Client;
use numcheck_nxcloud::protocol::AppKey;
use numcheck_sandbox::{Account, Sandbox};

/// A client of a sandbox's first account.
pub(crate) fn sandbox_client(sandbox: &Sandbox) -> Result<Client, Box<dyn Error>> {
    let Account { access_key, access_secret, appkey, .. } = sandbox.account();
    let builder = Client::builder(access_key, access_secret.clone());
    Ok(builder.appkey(AppKey::new(appkey.expose())?).base_url(sandbox.nxcloud_url()).build()?)
}
