//! The bytes of an input that can be read more than once: a file as it is, anything else through a temporary file.
//!
//! It reads no more bytes than there were when it was opened.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// Bytes on disk, open for any number of independent readings.
#[derive(Debug)]
pub(super) struct Source {
    file: Arc<File>,
    length: u64,
}

impl Source {
    /// Opens a file. What is no regular file (a pipe, `/dev/stdin`) is copied to a temporary file first.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if metadata.is_file() { Self::of(file) } else { Self::spool(file) }
    }

    /// Copies everything that `from` still gives to a temporary file without a name, which is gone with the last
    /// reading, even when the process is killed.
    pub(super) fn spool(mut from: impl Read) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut from, &mut file)?;
        Self::of(file)
    }

    /// UTF-16 as UTF-8, in a temporary file. What is no character becomes U+FFFD.
    pub(super) fn decode_utf16(&self, little_endian: bool) -> io::Result<Self> {
        let mut units = Utf16Units { bytes: BufReader::new(self.reader(0)), little_endian, failed: None };
        let file = tempfile::tempfile()?;
        let mut out = BufWriter::new(&file);
        for c in char::decode_utf16(&mut units) {
            write!(out, "{}", c.unwrap_or(char::REPLACEMENT_CHARACTER))?;
        }
        out.flush()?;
        drop(out);
        match units.failed {
            Some(error) => Err(error),
            None => Self::of(file),
        }
    }

    pub(super) fn of(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length })
    }

    /// Reads from `start` to the end as it was when the source was opened.
    pub(super) fn reader(&self, start: u64) -> SourceReader {
        SourceReader { file: Arc::clone(&self.file), at: start, end: self.length }
    }

    /// At most `most` bytes from the beginning.
    pub(super) fn beginning(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader(0).take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// One reading of a [`Source`]; several do not disturb one another.
#[derive(Debug)]
pub(super) struct SourceReader {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let read = read_at(&self.file, buffer.get_mut(..most).unwrap_or_default(), self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

struct Utf16Units<R> {
    bytes: R,
    little_endian: bool,
    failed: Option<io::Error>,
}

impl<R: Read> Iterator for Utf16Units<R> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        let mut pair = [0; 2];
        match read_up_to(&mut self.bytes, &mut pair) {
            Ok(0) => None,
            // Half a unit at the end is a character nobody can know.
            Ok(1) => Some(0xFFFD),
            Ok(_) if self.little_endian => Some(u16::from_le_bytes(pair)),
            Ok(_) => Some(u16::from_be_bytes(pair)),
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }
}

fn read_up_to(from: &mut impl Read, buffer: &mut [u8; 2]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
