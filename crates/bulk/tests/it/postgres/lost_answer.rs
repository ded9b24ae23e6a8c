//! Something between the store and the server loses an answer: what was asked has happened, and nobody knows.

use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::store::Skip;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use numcheck_bulk::{BatchState, Postgres, Store, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::postgres::fixture::{NOW, batch_no, claim, fold_all, plan, result};
use numcheck_testing::postgres::{Cluster, ENCODED};

/// Hands bytes on, until it is told to lose an answer.
#[derive(Default)]
struct Between {
    /// The answer to the first request with these bytes is lost, and its connection closed.
    lose: Mutex<Option<&'static [u8]>>,
}

impl Between {
    fn lose_the_answer_to(&self, bytes: &'static [u8]) {
        *self.lose.lock().unwrap() = Some(bytes);
    }

    fn must_lose(&self, request: &[u8]) -> bool {
        let mut lose = self.lose.lock().unwrap();
        let found = lose.is_some_and(|bytes| request.windows(bytes.len()).any(|window| window == bytes));
        if found {
            *lose = None;
        }
        found
    }

    async fn serve(self: Arc<Self>, listener: UnixListener, server: std::path::PathBuf) {
        while let Ok((client, _)) = listener.accept().await {
            let (this, server) = (Arc::clone(&self), server.clone());
            tokio::spawn(async move { this.connection(client, &server).await });
        }
    }

    async fn connection(&self, mut client: UnixStream, server: &Path) -> io::Result<()> {
        let mut server = UnixStream::connect(server).await?;
        let (mut from_client, mut from_server) = (vec![0; 1 << 20], vec![0; 1 << 20]);
        loop {
            tokio::select! {
                read = client.read(&mut from_client) => {
                    let request = &from_client[..read?];
                    if request.is_empty() {
                        return Ok(());
                    }
                    server.write_all(request).await?;
                    if self.must_lose(request) {
                        // It answers, so it has done it.
                        let answered = server.read(&mut from_server).await?;
                        assert!(answered > 0);
                        return Ok(());
                    }
                }
                read = server.read(&mut from_server) => {
                    let answer = &from_server[..read?];
                    if answer.is_empty() {
                        return Ok(());
                    }
                    client.write_all(answer).await?;
                }
            }
        }
    }
}

async fn between(cluster: &Cluster, database: &str) -> (Arc<Between>, Postgres, tempfile::TempDir) {
    cluster.database(database).await;
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(dir.path().join(".s.PGSQL.5432")).unwrap();
    let between = Arc::new(Between::default());
    tokio::spawn(Arc::clone(&between).serve(listener, cluster.socket()));
    let url = format!("postgres://numcheck:{ENCODED}@/{database}?host={}", dir.path().display());
    let store = Postgres::open(&url, reader()).await.unwrap();
    (between, store, dir)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_whose_answer_was_lost_is_not_called_stored() {
    let Some(cluster) = Cluster::shared() else { return };
    let (between, store, _dir) = between(&cluster, "lost_append").await;
    let job = crate::postgres::fixture::accepted(&store, 1, 1, 3).await;
    store.append(vec![result(&batch_no(&job, 0), 0)]).await.unwrap();

    between.lose_the_answer_to(b"m-1");
    let error = store.append(vec![result(&batch_no(&job, 0), 1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unanswered { .. }), "{error:?}");
    assert!(error.to_string().contains("it may have happened"), "{error}");

    // The platform comes back: that is a repeat, and what came later is stored by a new connection.
    store.append(vec![result(&batch_no(&job, 0), 1), result(&batch_no(&job, 0), 2)]).await.unwrap();
    let folded = fold_all(&store, 100).await;
    assert_eq!((folded.seen, folded.first, folded.repeats), (4, 3, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_commit_was_not_confirmed_is_an_error_and_is_not_taken_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let (between, store, _dir) = between(&cluster, "lost_claim").await;
    let job = plan(&store, 1, 1, 3).await;

    let next = store.next_batch(job.id, &Skip::default()).await.unwrap().unwrap();
    between.lose_the_answer_to(b"COMMIT");
    let error = store.claim(next.batch, "one", 10, NOW).await.unwrap_err();
    assert!(matches!(error, StoreError::Unanswered { .. }), "{error:?}");

    assert_eq!(claim(&store, &job, "two").await, None);
    let open = store.open_batches(job.id).await.unwrap();
    assert_eq!((open.len(), open[0].state), (1, BatchState::Sending));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_before_the_commit_is_no_error() {
    let Some(cluster) = Cluster::shared() else { return };
    let (between, store, _dir) = between(&cluster, "lost_begin").await;
    let job = plan(&store, 1, 2, 3).await;

    between.lose_the_answer_to(b"BEGIN");
    let first = claim(&store, &job, "one").await.unwrap();
    assert_eq!(first.batch_no.as_str(), batch_no(&job, 0));
    between.lose_the_answer_to(b"BEGIN");
    let second = claim(&store, &job, "one").await.unwrap();
    assert_eq!(second.batch_no.as_str(), batch_no(&job, 1));
}
