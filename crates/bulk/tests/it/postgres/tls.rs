//! TLS to the server.

use numcheck_bulk::conformance::reader::reader;
use std::path::Path;

use numcheck_bulk::{Postgres, Store};

use crate::postgres::fixture::{accepted, all_of};
use numcheck_testing::postgres::{Cluster, ENCODED};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_s_certificate_is_held_against_its_name_and_the_given_authority() {
    let ours = authority();
    let mut server = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    server.is_ca = rcgen::IsCa::NoCa;
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = server.signed_by(&key, &ours.issuer).unwrap();
    let prepare = |data: &Path| {
        std::fs::write(data.join("server.crt"), certificate.pem()).unwrap();
        std::fs::write(data.join("server.key"), key.serialize_pem()).unwrap();
        numcheck_testing::postgres::make_private(&data.join("server.key"));
    };
    let Some(cluster) = Cluster::start_on_a_port(&["ssl=on"], prepare) else { return };
    cluster.database("secured").await;

    let dir = tempfile::tempdir().unwrap();
    let [right, wrong, none] = ["right.pem", "wrong.pem", "none.pem"].map(|name| dir.path().join(name));
    std::fs::write(&right, &ours.pem).unwrap();
    std::fs::write(&wrong, authority().pem).unwrap();
    std::fs::write(&none, "no certificate").unwrap();
    let port = cluster.port().unwrap();
    let url = |host: &str, options: String| {
        format!("postgres://numcheck:{ENCODED}@{host}:{port}/secured?{options}")
    };
    let with = |path: &Path| format!("sslmode=verify-full&sslrootcert={}", path.display());

    let store = Postgres::open(&url("localhost", with(&right)), reader()).await.unwrap();
    accepted(&store, 1, 1, 1).await;
    let sql = "SELECT bool_and(ssl), count(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'numcheck'";
    assert_eq!(cluster.admin("secured", sql).await, [[Some("t".to_owned()), Some("t".to_owned())]]);

    for refused in [
        url("localhost", with(&wrong)),
        url("localhost", with(&none)),
        url("localhost", with(&dir.path().join("missing.pem"))),
        // Those of the operating system do not know ours.
        url("localhost", "sslmode=verify-full".to_owned()),
        // What libpq would take without a look at the certificate.
        url("localhost", "sslmode=require".to_owned()),
        // Another name than the certificate's.
        url("127.0.0.1", with(&right)),
    ] {
        let error =
            Postgres::open(&refused, reader()).await.err().unwrap_or_else(|| panic!("{refused} was opened"));
        assert!(!all_of(&error).contains(ENCODED), "{}", all_of(&error));
    }
    // This machine's own loopback needs none.
    let plain = Postgres::open(&url("localhost", String::new()), reader()).await.unwrap();
    assert_eq!(plain.jobs().await.unwrap().len(), 1);
}

struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let mut params = rcgen::CertificateParams::new([]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: rcgen::Issuer::new(params, key), pem }
}
