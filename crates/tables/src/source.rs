//! The bytes of an input that can be read more than once: a file as it is, anything else through a temporary file.
//!
//! It reads no more bytes than there were when it was opened.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

/// Bytes on disk, open for any number of independent readings.
#[derive(Debug)]
pub(crate) struct Source {
    file: Arc<File>,
    length: u64,
}

impl Source {
    /// Opens a file. What is no regular file (a pipe, `/dev/stdin`) is copied to a temporary file first.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if metadata.is_file() { Self::of(file) } else { Self::spool(file) }
    }

    /// Copies everything that `from` still gives to a temporary file without a name, which is gone with the last
    /// reading, even when the process is killed.
    pub(crate) fn spool(mut from: impl Read) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut from, &mut file)?;
        Self::of(file)
    }

    /// The same bytes made anew, in a temporary file.
    pub(crate) fn rewritten<E>(
        &self,
        rewrite: impl FnOnce(SourceReader, &mut BufWriter<&File>) -> Result<(), E>,
    ) -> Result<Self, E>
    where
        E: From<io::Error>,
    {
        let file = tempfile::tempfile()?;
        let mut out = BufWriter::with_capacity(64 * 1024, &file);
        rewrite(self.reader(0), &mut out)?;
        out.flush()?;
        drop(out);
        Ok(Self::of(file)?)
    }

    pub(crate) fn of(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length })
    }

    /// What a gzip file holds, in a temporary file.
    pub(crate) fn unzipped(&self) -> io::Result<Self> {
        self.rewritten(|from, out| -> io::Result<()> {
            io::copy(&mut MultiGzDecoder::new(BufReader::new(from)), out)?;
            Ok(())
        })
    }

    /// Reads from `start` to the end as it was when the source was opened.
    pub(crate) fn reader(&self, start: u64) -> SourceReader {
        SourceReader { file: Arc::clone(&self.file), at: start, end: self.length }
    }

    /// At most `most` bytes from the beginning.
    pub(crate) fn beginning(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader(0).take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// One reading of a [`Source`]; several do not disturb one another.
#[derive(Clone, Debug)]
pub(crate) struct SourceReader {
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

impl Seek for SourceReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = place
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning"))?;
        Ok(self.at)
    }
}
