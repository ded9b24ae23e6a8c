//! What a server gives: too few connections, or a pooler's, which are shared.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::{Postgres, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::postgres::fixture::{all_of, plan, rows};
use numcheck_testing::postgres::{Cluster, ENCODED, PASSWORD};

/// How a pooler hands out the server's connections.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pooling {
    /// Each client keeps its own.
    Session,
    /// One for a transaction: what came back last.
    LastBack,
    /// One for a transaction: what came back first.
    FirstBack,
}

/// A pooler as PgBouncer is one: a client brings a connection of the server along, which others may then get.
struct Pooler {
    pooling: Pooling,
    server: PathBuf,
    unused: Mutex<VecDeque<UnixStream>>,
    count: Semaphore,
}

impl Pooler {
    async fn serve(self: Arc<Self>, listener: UnixListener) {
        while let Ok((client, _)) = listener.accept().await {
            let this = Arc::clone(&self);
            tokio::spawn(async move { this.client(client).await });
        }
    }

    async fn client(&self, mut client: UnixStream) -> io::Result<()> {
        let mut server = UnixStream::connect(&self.server).await?;
        if self.pooling == Pooling::Session {
            return copy_bidirectional(&mut client, &mut server).await.map(drop);
        }
        // The first message has no kind. The server asks for a proof, and the client gives it.
        let mut startup = vec![0; 4];
        client.read_exact(&mut startup).await?;
        let length = u32::from_be_bytes(startup[..].try_into().unwrap()) as usize;
        startup.resize(length, 0);
        client.read_exact(&mut startup[4..]).await?;
        server.write_all(&startup).await?;
        loop {
            let said = message(&mut server).await?;
            client.write_all(&said).await?;
            match said[0] {
                b'Z' => break,
                // Not the last one, which only says that it is well.
                b'R' if said[5..9] != [0, 0, 0, 12] && said[5..9] != [0; 4] => {
                    server.write_all(&message(&mut client).await?).await?;
                }
                _ => {}
            }
        }
        self.give_back(server);
        loop {
            let mut asked = message(&mut client).await?;
            self.count.acquire().await.unwrap().forget();
            let taken = self.take();
            let mut server = taken;
            loop {
                server.write_all(&asked).await?;
                // A query or a sync is answered until the server is ready; then a transaction is under way, or not.
                if matches!(asked[0], b'Q' | b'S') {
                    let mut said = message(&mut server).await?;
                    client.write_all(&said).await?;
                    while said[0] != b'Z' {
                        said = message(&mut server).await?;
                        client.write_all(&said).await?;
                    }
                    if said[5] == b'I' {
                        break;
                    }
                }
                asked = message(&mut client).await?;
            }
            self.give_back(server);
        }
    }

    fn take(&self) -> UnixStream {
        let mut unused = self.unused.lock().unwrap();
        match self.pooling {
            Pooling::FirstBack => unused.pop_front().unwrap(),
            _ => unused.pop_back().unwrap(),
        }
    }

    fn give_back(&self, server: UnixStream) {
        self.unused.lock().unwrap().push_back(server);
        self.count.add_permits(1);
    }
}

async fn message(from: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; 5];
    from.read_exact(&mut message).await?;
    let length = u32::from_be_bytes(message[1..].try_into().unwrap()) as usize;
    message.resize(length + 1, 0);
    from.read_exact(&mut message[5..]).await?;
    Ok(message)
}

/// Its address, and the folder of its socket.
async fn pooler(cluster: &Cluster, pooling: Pooling, database: &str) -> (String, tempfile::TempDir) {
    cluster.database(database).await;
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(dir.path().join(".s.PGSQL.5432")).unwrap();
    let (server, unused) = (cluster.socket(), Mutex::default());
    tokio::spawn(Arc::new(Pooler { pooling, server, unused, count: Semaphore::new(0) }).serve(listener));
    (format!("postgres://numcheck:{ENCODED}@/{database}?host={}", dir.path().display()), dir)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_shares_connections_out_by_transaction_is_refused_before_anything_is_made() {
    let Some(cluster) = Cluster::shared() else { return };
    for (pooling, database) in [(Pooling::LastBack, "pooled_last"), (Pooling::FirstBack, "pooled_first")] {
        let (url, _dir) = pooler(&cluster, pooling, database).await;
        let error = all_of(&Postgres::open(&url, reader()).await.unwrap_err());
        assert!(error.contains("pools by session") && error.contains("pool_mode"), "{pooling:?}: {error}");
        let made = "SELECT to_regnamespace('numcheck')";
        assert_eq!(cluster.admin(database, made).await, [[None]], "{pooling:?}");
        // No setting of ours stays behind in a connection that another program gets.
        let settings = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%enable_seqscan%' AND pid <> pg_backend_pid()
            AND datname = current_database()";
        assert_eq!(cluster.admin(database, settings).await, [[Some("0".to_owned())]], "{pooling:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_by_session_is_as_good_as_the_server() {
    let Some(cluster) = Cluster::shared() else { return };
    let (url, _dir) = pooler(&cluster, Pooling::Session, "pooled_session").await;
    let store = Postgres::open(&url, reader()).await.unwrap();
    store.reserve().await.unwrap();
    let job = plan(&store, 1, 2, 3).await;
    assert_eq!(rows(&store, &job).await.len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_connections_are_found_when_they_are_reserved_and_enough_are_kept() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("too_few").await;
    drop(Postgres::open(&url, reader()).await.unwrap());
    for (role, limit) in [("one_connection", 1), ("five_connections", 5), ("six_connections", 6)] {
        let sql = format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT {limit}; GRANT USAGE ON SCHEMA numcheck TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA numcheck TO {role};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA numcheck TO {role}"
        );
        cluster.admin("too_few", &sql).await;
    }
    let open =
        async |role: &str| Postgres::open(&url.replace("numcheck:", &format!("{role}:")), reader()).await;
    let error = all_of(&open("one_connection").await.unwrap_err());
    assert!(error.contains("too many connections"), "{error}");
    let five = open("five_connections").await.unwrap();
    let error = all_of(&five.reserve().await.unwrap_err());
    assert!(
        error.contains("gives 5 connections, and a command needs 6") && error.contains("CONNECTION LIMIT"),
        "{error}"
    );
    // What is there is used: it can be looked at all the same.
    assert!(five.jobs().await.unwrap().is_empty());
    let six = open("six_connections").await.unwrap();
    six.reserve().await.unwrap();
    six.reserve().await.unwrap();
    let job = plan(&six, 1, 1, 3).await;
    let appends = (0..20).map(|row| six.append(vec![crate::postgres::fixture::result("b", row)]));
    let reads = (0..20).map(|_| six.rows(job.id, None, 10));
    let (appended, read) =
        tokio::join!(futures_util::future::join_all(appends), futures_util::future::join_all(reads));
    assert!(appended.iter().all(Result::is_ok) && read.iter().all(Result::is_ok));
}
