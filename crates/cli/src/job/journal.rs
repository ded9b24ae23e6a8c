//! Pushed results on disk: appended, flushed to the device, and only then acknowledged.
//!
//! It keeps every body as it came, one JSON object a line, and judges none. It must never say "stored" before the device has it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;

/// Where a line stands: 40 bits of offset and 24 of length, so that a million of them are 8 MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position(u64);

impl Position {
    /// No line stands here.
    pub(crate) const NONE: Self = Self(u64::MAX);

    fn new(offset: u64, length: usize) -> Option<Self> {
        let length = u64::try_from(length).ok().filter(|length| *length < 1 << 24)?;
        (offset < 1 << 40).then_some(Self(offset << 24 | length))
    }

    fn offset(self) -> u64 {
        self.0 >> 24
    }

    fn length(self) -> usize {
        (self.0 & 0xff_ffff) as usize
    }
}

/// An append-only file with one writer thread. Appends that arrive together share one flush.
#[derive(Debug)]
pub(crate) struct Journal {
    file: Arc<File>,
    queue: Sender<Append>,
}

#[derive(Debug)]
struct Append {
    line: Vec<u8>,
    stored: oneshot::Sender<io::Result<Position>>,
}

impl Journal {
    /// A journal in an empty file that is open for reading and writing.
    ///
    /// # Errors
    /// When the writer thread cannot be started.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let file = Arc::new(file);
        let (queue, appends) = channel();
        let own = Arc::clone(&file);
        thread::Builder::new().name("journal".to_owned()).spawn(move || write_all(&own, &appends))?;
        Ok(Self { file, queue })
    }

    /// Appends a push as a line, and returns once the device has it.
    ///
    /// # Errors
    /// When it could not be stored, in part or in whole: nothing of it may be relied on.
    pub(crate) async fn append(&self, batch_no: &str, body: &[u8]) -> io::Result<Position> {
        let (stored, answer) = oneshot::channel();
        let line = to_line(batch_no, body);
        let gone = || io::Error::other("the journal's writer has ended");
        self.queue.send(Append { line, stored }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// The body of a push, as it came.
    ///
    /// # Errors
    /// When the line cannot be read back.
    pub(crate) fn read(&self, position: Position) -> io::Result<Vec<u8>> {
        let mut line = vec![0; position.length()];
        self.file.read_exact_at(&mut line, position.offset())?;
        from_line(&line).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "a line of the journal has been changed")
        })
    }
}

/// Ends when the journal is dropped. After a failed write its part is cut off and the next one starts at the same place, so that
/// half a line never stays.
fn write_all(file: &File, appends: &Receiver<Append>) {
    const MOST: usize = 4096;
    let mut end = 0;
    let mut buffer = Vec::new();
    while let Ok(first) = appends.recv() {
        buffer.clear();
        let mut waiting = Vec::new();
        for append in std::iter::once(first).chain(std::iter::from_fn(|| appends.try_recv().ok())).take(MOST)
        {
            let position = Position::new(end + buffer.len() as u64, append.line.len());
            buffer.extend_from_slice(&append.line);
            waiting.push((append.stored, position));
        }
        let written = file.write_all_at(&buffer, end).and_then(|()| file.sync_data());
        match &written {
            Ok(()) => end += buffer.len() as u64,
            // Should this fail as well, the next line stands over it.
            Err(_) => drop(file.set_len(end)),
        }
        for (stored, position) in waiting {
            let answer = match &written {
                Ok(()) => position.ok_or_else(|| io::Error::other("the journal is full")),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // Nobody waits for it any more: the push was not acknowledged, and will come again.
            let _ = stored.send(answer);
        }
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Line<'a> {
    batch_no: std::borrow::Cow<'a, str>,
    body: Body<'a>,
}

/// Text where it is text, so that a person can read the file; bytes otherwise.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Body<'a> {
    Text(std::borrow::Cow<'a, str>),
    Bytes(std::borrow::Cow<'a, [u8]>),
}

fn to_line(batch_no: &str, body: &[u8]) -> Vec<u8> {
    let body = match std::str::from_utf8(body) {
        Ok(text) => Body::Text(text.into()),
        Err(_) => Body::Bytes(body.into()),
    };
    // A map of strings and bytes cannot fail to be written.
    let mut line = serde_json::to_vec(&Line { batch_no: batch_no.into(), body }).unwrap_or_default();
    line.push(b'\n');
    line
}

fn from_line(line: &[u8]) -> Option<Vec<u8>> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    Some(match line.body {
        Body::Text(text) => text.into_owned().into_bytes(),
        Body::Bytes(bytes) => bytes.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_pushed_is_read_back_byte_for_byte() {
        let journal = Journal::new(tempfile::tempfile().unwrap()).unwrap();
        let bodies: [&[u8]; 4] = [b"{\"a\": 1}", "{\"b\":\n\"中文\"}".as_bytes(), b"\xff\xfe not text", b""];
        let mut positions = Vec::new();
        for body in bodies {
            positions.push(journal.append("b-1", body).await.unwrap());
        }
        for (body, position) in bodies.into_iter().zip(positions) {
            assert_eq!(journal.read(position).unwrap(), body);
        }
    }

    #[tokio::test]
    async fn a_write_that_fails_is_never_called_stored() {
        let read_only = File::open("/dev/null").unwrap();
        let journal = Journal::new(read_only).unwrap();
        assert!(journal.append("b-1", b"{}").await.is_err());
        assert!(journal.append("b-1", b"{}").await.is_err());
    }
}
