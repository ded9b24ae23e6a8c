//! A store is whole at rest: one closed file, which opens wherever it is copied to; what is not whole is refused.

use numcheck_bulk::conformance::reader::reader;
use std::path::Path;

use numcheck_bulk::{Sqlite, Store, StoreError};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::File;
use super::conformance::Place;
use super::conformance::made::*;
#[cfg(unix)]
use super::faults::{child, said, say, told};

/// The names of the files in its folder.
fn names(file: &File) -> Vec<String> {
    let files = std::fs::read_dir(file.0.path()).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(super) fn existing(file: &File) -> Result<Sqlite, StoreError> {
    Sqlite::open_existing(&file.path(), reader(), &mut |_| ())
}

fn refusal_of(file: &File) -> StoreError {
    let before = std::fs::read(file.path()).unwrap();
    let error = existing(file).unwrap_err();
    assert_eq!(std::fs::read(file.path()).unwrap(), before, "it is left as it is");
    assert!(!error.to_string().contains('\n'));
    error
}

/// A copy of the file in a folder of its own, with the side files of these suffixes.
fn copied(file: &File, suffixes: &[&str]) -> File {
    let copy = File::new();
    for suffix in [""].iter().chain(suffixes) {
        let name = format!("jobs.db{suffix}");
        std::fs::copy(file.0.path().join(&name), copy.0.path().join(&name)).unwrap();
    }
    copy
}

/// Does something to the file behind the store's back; its side files stay as they are then.
fn tampered<T>(file: &File, work: impl FnOnce(&Connection) -> T) -> T {
    let connection = Connection::open(file.path()).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    work(&connection)
}

fn set_mark(connection: &Connection, value: i64) {
    assert_eq!(connection.execute("UPDATE marks SET value = ? WHERE name = 'closed'", [value]).unwrap(), 1);
}

fn set_journal(connection: &Connection, mode: &str) {
    connection.pragma_update(None, "journal_mode", mode).unwrap();
}

#[tokio::test]
async fn after_a_clean_close_there_is_one_file_and_a_copy_of_it_has_everything() {
    let file = File::new();
    let store = file.open().await;
    let job = planned(&*store, 1, &[300, 200]).await;
    let claimed = accepted(&*store, &job).await;
    let pushes = claimed.numbers.iter().map(|number| Push::of(&claimed.batch_no, *number).pushed()).collect();
    enter(&*store, pushes).await;
    let (ledger, rows) = (check(&*store, job.id).await, all_rows(&*store, job.id).await);
    drop(store);
    assert_eq!(names(&file), ["jobs.db"]);

    let copy = copied(&file, &[]);
    let store = existing(&copy).unwrap();
    assert_eq!((check(&store, job.id).await, all_rows(&store, job.id).await), (ledger, rows));
    drop(store);
    assert_eq!(names(&copy), ["jobs.db"]);
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_done_before_the_store_is_closed() {
    let file = File::new();
    let store = file.open().await;
    for at in 0..200 {
        drop(store.learn(&format!("word {at}"), "said"));
    }
    drop(store);
    assert_eq!(names(&file), ["jobs.db"]);
    let store = existing(&file).unwrap();
    for at in 0..200 {
        assert_eq!(store.learnt(&format!("word {at}")).await.unwrap().as_deref(), Some("said"));
    }
}

#[tokio::test]
async fn whoever_leaves_first_leaves_the_file_to_the_other() {
    let file = File::new();
    let (first, other) = (file.open().await, file.open().await);
    first.learn("first", "said").await.unwrap();
    drop(first);
    assert!(names(&file).len() > 1, "the other works with the journal");
    other.learn("other", "said").await.unwrap();
    assert_eq!(other.learnt("first").await.unwrap().as_deref(), Some("said"));
    let late = file.open().await;
    drop(other);
    assert_eq!(late.learnt("other").await.unwrap().as_deref(), Some("said"));
    drop(late);
    assert_eq!(names(&file), ["jobs.db"]);
}

#[tokio::test]
async fn the_last_of_many_handles_to_leave_at_the_same_time_leaves_one_file() {
    let file = File::new();
    for round in 0..10 {
        let mut stores = Vec::new();
        for at in 0..6 {
            let store = file.open().await;
            store.learn(&format!("word {at}"), &format!("said {round}")).await.unwrap();
            stores.push(store);
        }
        let gate = std::sync::Barrier::new(stores.len());
        std::thread::scope(|scope| {
            for store in stores {
                scope.spawn(|| {
                    gate.wait();
                    drop(store);
                });
            }
        });
        assert_eq!(names(&file), ["jobs.db"], "round {round}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_last_of_many_processes_leaves_one_file_with_the_words_of_all() {
    const HERE: &str = "sqlite::rest::the_last_of_many_processes_leaves_one_file_with_the_words_of_all";
    const PROCESSES: usize = 8;
    if let Some(path) = told() {
        // Opened and closed again and again, so that some open while others close.
        for round in 0..5 {
            let store = Sqlite::open(&path, reader()).unwrap();
            let name = format!("word {} {round}", std::process::id());
            store.learn(&name, "said").await.unwrap();
            drop(store);
            say(&name);
        }
        return;
    }
    let file = File::new();
    let processes: Vec<_> =
        (0..PROCESSES).map(|_| child(HERE, &file.path(), None).spawn().unwrap()).collect();
    let outputs: Vec<_> = processes.into_iter().map(|process| process.wait_with_output().unwrap()).collect();
    assert_eq!(names(&file), ["jobs.db"]);
    let store = existing(&file).unwrap();
    let mut words = 0;
    for output in outputs {
        assert!(output.status.success());
        for word in said(&String::from_utf8(output.stdout).unwrap()) {
            assert_eq!(store.learnt(word).await.unwrap().as_deref(), Some("said"), "{word}");
            words += 1;
        }
    }
    assert_eq!(words, PROCESSES * 5);
}

#[cfg(unix)]
#[tokio::test]
async fn a_process_that_is_killed_leaves_a_store_that_opens_and_is_one_file_again() {
    const HERE: &str =
        "sqlite::rest::a_process_that_is_killed_leaves_a_store_that_opens_and_is_one_file_again";
    if let Some(path) = told() {
        let store = Sqlite::open(&path, reader()).unwrap();
        store.learn("word", "said").await.unwrap();
        std::process::abort();
    }
    let file = File::new();
    for _ in 0..2 {
        assert!(!child(HERE, &file.path(), None).status().unwrap().success());
        assert!(names(&file).contains(&"jobs.db-wal".to_owned()));
    }
    let store = existing(&file).unwrap();
    assert_eq!(store.learnt("word").await.unwrap().as_deref(), Some("said"));
    drop(store);
    assert_eq!(names(&file), ["jobs.db"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_process_that_is_killed_on_its_way_in_or_out_leaves_a_store_that_opens() {
    const HERE: &str =
        "sqlite::rest::a_process_that_is_killed_on_its_way_in_or_out_leaves_a_store_that_opens";
    if let Some(path) = told() {
        for round in 0.. {
            let name = format!("word {} {round}", std::process::id());
            Sqlite::open(&path, reader()).unwrap().learn(&name, "said").await.unwrap();
            say(&name);
        }
    }
    let file = File::new();
    let mut words = 0;
    for round in 0..25_u64 {
        // Two at a time: one is killed, while the other goes on for a moment.
        let mut processes = [(); 2].map(|()| child(HERE, &file.path(), None).spawn().unwrap());
        let mut outputs = Vec::new();
        for (at, process) in processes.iter_mut().enumerate() {
            // why-sleep: the child is killed at a moment that nothing announces
            std::thread::sleep(std::time::Duration::from_millis(30 + (round * 37 + at as u64 * 11) % 61));
            process.kill().unwrap();
        }
        for process in processes {
            let output = process.wait_with_output().unwrap();
            outputs.push(String::from_utf8(output.stdout).unwrap());
        }
        if words == 0 && !file.path().exists() {
            continue;
        }
        let store = existing(&file).unwrap();
        for word in outputs.iter().flat_map(|output| said(output)) {
            assert_eq!(store.learnt(word).await.unwrap().as_deref(), Some("said"), "{word}");
            words += 1;
        }
        drop(store);
        let left = names(&file).into_iter().filter(|name| !name.ends_with(".unfinished"));
        assert_eq!(left.collect::<Vec<_>>(), ["jobs.db"]);
    }
    assert!(words > 0, "the kills came too early to prove anything");
}

#[tokio::test]
async fn a_copy_of_an_open_store_without_its_side_file_is_refused() {
    let file = File::new();
    let store = file.open().await;
    for _ in 0..2 {
        store.learn("word", "said").await.unwrap();
        let alone = copied(&file, &[]);
        let error = refusal_of(&alone);
        assert!(matches!(error, StoreError::Incomplete { .. }), "{error:?}");
        assert!(error.to_string().contains("jobs.db-wal"), "{error}");
        assert_eq!(names(&alone), ["jobs.db"], "nothing was made beside it");

        let both = copied(&file, &["-wal"]);
        let store = existing(&both).unwrap();
        assert_eq!(store.learnt("word").await.unwrap().as_deref(), Some("said"));
    }
}

#[tokio::test]
async fn a_store_whose_side_file_was_lost_is_refused_until_it_is_back() {
    let file = File::new();
    let store = file.open().await;
    store.learn("word", "said").await.unwrap();
    // As after a crash.
    let crashed = copied(&file, &["-wal"]);
    let (journal, away) = (crashed.0.path().join("jobs.db-wal"), crashed.0.path().join("away"));
    std::fs::rename(&journal, &away).unwrap();
    for _ in 0..2 {
        assert!(matches!(refusal_of(&crashed), StoreError::Incomplete { .. }));
        assert!(matches!(Sqlite::open(&crashed.path(), reader()), Err(StoreError::Incomplete { .. })));
    }
    std::fs::rename(&away, &journal).unwrap();
    let store = existing(&crashed).unwrap();
    assert_eq!(store.learnt("word").await.unwrap().as_deref(), Some("said"));
}

#[test]
fn a_file_that_holds_nothing_is_refused_and_not_taken_for_a_new_store() {
    let emptied = File::new();
    drop(Sqlite::open(&emptied.path(), reader()).unwrap());
    std::fs::write(emptied.path(), b"").unwrap();
    let without_tables = File::new();
    tampered(&without_tables, |connection| connection.execute_batch("VACUUM").unwrap());
    assert!(!std::fs::read(without_tables.path()).unwrap().is_empty());
    for file in [emptied, without_tables] {
        assert!(matches!(refusal_of(&file), StoreError::Emptied { .. }));
        assert!(matches!(Sqlite::open(&file.path(), reader()), Err(StoreError::Emptied { .. })));
        assert_eq!(names(&file), ["jobs.db"]);
    }
}

#[test]
fn a_file_of_zeros_or_of_noise_is_refused() {
    let file = File::new();
    drop(Sqlite::open(&file.path(), reader()).unwrap());
    let whole = std::fs::read(file.path()).unwrap();
    let noise: Vec<u8> = whole.iter().enumerate().map(|(at, byte)| byte ^ (at * 7 + 1) as u8).collect();
    for bytes in [vec![0; whole.len()], noise, whole[..50].to_vec()] {
        std::fs::write(file.path(), bytes).unwrap();
        refusal_of(&file);
        assert!(Sqlite::open(&file.path(), reader()).is_err());
        assert_eq!(names(&file), ["jobs.db"]);
    }
}

#[tokio::test]
async fn a_close_that_fails_leaves_the_side_file() {
    let file = File::new();
    let store = file.open().await;
    store.learn("word", "said").await.unwrap();
    let no_mark = "CREATE TRIGGER no_mark BEFORE INSERT ON marks WHEN NEW.value = 1 BEGIN SELECT RAISE(ABORT, 'no'); END";
    tampered(&file, |connection| connection.execute_batch(no_mark).unwrap());
    drop(store);
    assert!(names(&file).contains(&"jobs.db-wal".to_owned()));
    let store = existing(&file).unwrap();
    assert_eq!(store.learnt("word").await.unwrap().as_deref(), Some("said"));
}

#[tokio::test]
async fn a_crash_on_the_way_in_or_out_leaves_a_store_that_opens() {
    // The file is closed, and its journal's mode is the other one, or it has an empty journal.
    let other_mode = |file: &File| set_journal(&Connection::open(file.path()).unwrap(), "delete");
    let empty_journal = |file: &File| tampered(file, |connection| set_journal(connection, "wal"));
    // The mark is half taken away, taken away, or set again; the last of these only in the journal, or in the file as well.
    let marked = |values: &'static [i64], is_last_in_file: bool| {
        move |file: &File| {
            tampered(file, |connection| {
                set_journal(connection, "wal");
                for (at, value) in values.iter().enumerate() {
                    set_mark(connection, *value);
                    if is_last_in_file || at + 1 < values.len() {
                        connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
                    }
                }
            })
        }
    };
    type Crash = Box<dyn Fn(&File)>;
    let mut crashes: Vec<Crash> = vec![Box::new(other_mode), Box::new(empty_journal)];
    for is_last_in_file in [false, true] {
        for values in [&[2][..], &[2, 0], &[2, 0, 1]] {
            crashes.push(Box::new(marked(values, is_last_in_file)));
        }
    }
    for (at, crash) in crashes.iter().enumerate() {
        let file = File::new();
        let store = file.open().await;
        store.learn("word", "said").await.unwrap();
        drop(store);
        crash(&file);
        let store = existing(&file).unwrap();
        assert_eq!(store.learnt("word").await.unwrap().as_deref(), Some("said"), "{at}");
        // From here on the journal is needed.
        assert!(matches!(refusal_of(&copied(&file, &[])), StoreError::Incomplete { .. }), "{at}");
        drop(store);
        assert_eq!(names(&file), ["jobs.db"], "{at}");
        assert_eq!(existing(&file).unwrap().learnt("word").await.unwrap().as_deref(), Some("said"), "{at}");
    }
}

/// As the documents say.
#[tokio::test]
async fn what_another_program_closed_last_opens_once_a_person_says_that_it_is_whole() {
    let file = File::new();
    let store = file.open().await;
    store.learn("word", "said").await.unwrap();
    let crashed = copied(&file, &["-wal"]);
    let copy = File::new();
    Connection::open(file.path())
        .unwrap()
        .backup("main", copy.path(), None::<fn(rusqlite::backup::Progress)>)
        .unwrap();
    Connection::open(crashed.path()).unwrap().execute_batch("SELECT count(*) FROM marks").unwrap();
    assert_eq!(names(&crashed), ["jobs.db"], "it has taken the journal in");
    for whole in [crashed, copy] {
        assert!(matches!(refusal_of(&whole), StoreError::Incomplete { .. }));
        set_mark(&Connection::open(whole.path()).unwrap(), 1);
        let store = existing(&whole).unwrap();
        assert_eq!(store.learnt("word").await.unwrap().as_deref(), Some("said"));
    }
}

#[tokio::test]
async fn a_mark_that_was_half_taken_away_proves_nothing_without_the_journal() {
    let file = File::new();
    drop(file.open().await);
    let connection = Connection::open(file.path()).unwrap();
    set_mark(&connection, 2);
    drop(connection);
    assert!(matches!(refusal_of(&file), StoreError::Incomplete { .. }));
}

#[tokio::test]
async fn a_backup_put_in_the_place_of_an_open_store_is_not_mixed_with_its_side_file() {
    let file = File::new();
    drop(file.open().await);
    let backup = std::fs::read(file.path()).unwrap();
    let store = file.open().await;
    for at in 0..60 {
        store.learn(&format!("word {at}"), &"x".repeat(2000)).await.unwrap();
    }
    let crashed = copied(&file, &["-wal"]);
    std::fs::write(crashed.path(), backup).unwrap();
    assert!(matches!(refusal_of(&crashed), StoreError::ForeignJournal { .. }));
    std::fs::remove_file(crashed.0.path().join("jobs.db-wal")).unwrap();
    let store = existing(&crashed).unwrap();
    assert_eq!(store.learnt("word 1").await.unwrap(), None);
}

#[test]
fn of_many_who_make_the_same_store_one_makes_it() {
    for _ in 0..10 {
        let file = File::new();
        let made = std::thread::scope(|scope| {
            let opening: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| Sqlite::open_or_create(&file.path(), reader(), &mut |_| ()).unwrap().1)
                })
                .collect();
            opening.into_iter().map(|opening| opening.join().unwrap()).filter(|made| *made).count()
        });
        assert_eq!((made, names(&file)), (1, vec!["jobs.db".to_owned()]));
        assert!(!Sqlite::open_or_create(&file.path(), reader(), &mut |_| ()).unwrap().1);
    }
}

#[test]
fn what_a_killed_maker_left_behind_does_not_hinder() {
    let file = File::new();
    // Under every name that this process would use next.
    for at in 0..2000 {
        let name = format!("jobs.db.{}-{at}.unfinished", std::process::id());
        std::fs::write(file.0.path().join(name), b"SQLite format 3\0").unwrap();
    }
    assert!(Sqlite::open_or_create(&file.path(), reader(), &mut |_| ()).unwrap().1);
    assert_eq!(names(&file).len(), 2001);
}

#[test]
fn opening_a_store_that_is_not_there_makes_none() {
    let file = File::new();
    let error = existing(&file).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains("jobs.db"));
    assert!(names(&file).is_empty());
}

#[tokio::test]
async fn a_store_may_have_any_name_and_be_reached_by_a_link() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a b?c#d%41&e.db", "file:jobs.db?mode=memory", "\u{e4}\u{4e2d}.db", ":memory:"] {
        let path = folder.path().join(name);
        let store = Sqlite::open(&path, reader()).unwrap();
        store.learn("word", name).await.unwrap();
        drop(store);
        assert!(path.is_file(), "{name}");
        let store = Sqlite::open_existing(&path, reader(), &mut |_| ()).unwrap();
        assert_eq!(store.learnt("word").await.unwrap().as_deref(), Some(name));
        drop(store);
        #[cfg(unix)]
        {
            // The side files stand beside the file, not beside the link.
            let elsewhere = tempfile::tempdir().unwrap();
            let link = elsewhere.path().join("link.db");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            let open = Sqlite::open(&link, reader()).unwrap();
            open.learn("word", "through the link").await.unwrap();
            let copy = elsewhere.path().join("copy.db");
            std::fs::copy(&path, &copy).unwrap();
            let refused = Sqlite::open_existing(&copy, reader(), &mut |_| ());
            assert!(matches!(refused, Err(StoreError::Incomplete { .. })), "{name}");
            drop(open);
            assert!(Sqlite::open_existing(&link, reader(), &mut |_| ()).is_ok());
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[cfg(unix)]
#[tokio::test]
async fn files_that_others_can_read_are_told() {
    use std::os::unix::fs::PermissionsExt;

    let file = File::new();
    let store = file.open().await;
    assert_eq!(Sqlite::exposed_files(&file.path()), [] as [&Path; 0]);
    drop(store);
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let store = file.open().await;
    let exposed = Sqlite::exposed_files(&file.path());
    let exposed: Vec<_> = exposed.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(exposed, ["jobs.db", "jobs.db-wal", "jobs.db-shm"]);
    drop(store);
}
