//! Where results are written: standard output, a regular file that appears complete or not at all, or a device or pipe.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use numcheck_bulk::failpoint::die_at;
use tempfile::NamedTempFile;

use super::error::{OutputError, OutputErrorKind};
use crate::print;

/// What standard output is called where it has a name.
const STDOUT: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Whether a path is standard output by its name. It is not the file that the shell has opened as such: a new one in its place would be another.
pub(crate) fn is_stdout(path: &Path) -> bool {
    STDOUT.iter().any(|name| path == Path::new(name))
}

/// An open target.
#[derive(Debug)]
pub(super) struct Destination(Kind);

#[derive(Debug)]
enum Kind {
    Stdout(io::Stdout),
    Terminal(EscapingWriter),
    /// A pipe or device, which has no half-written state.
    Special(File),
    SpecialTerminal(EscapingWriter<File>),
    File {
        part: NamedTempFile,
        path: PathBuf,
    },
}

impl Destination {
    pub(super) fn stdout() -> Self {
        let stdout = io::stdout();
        Self(if stdout.is_terminal() {
            Kind::Terminal(EscapingWriter::new(stdout))
        } else {
            Kind::Stdout(stdout)
        })
    }

    /// Creates the temporary file beside `path`, or opens the pipe or device that is there. Links are followed, so that a link stays one.
    pub(super) fn file(path: &Path, name: &str, input: Option<&Path>) -> Result<Self, OutputError> {
        let cannot = |source| OutputError::io(OutputErrorKind::Create, name, None, source);
        if is_stdout(path) {
            return Ok(Self::stdout());
        }
        let there = match fs::metadata(path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(cannot(error)),
        };
        if let Some(there) = &there
            && !there.is_file()
            && !there.is_dir()
        {
            // By the name that was given: what a shell names /dev/fd/63 has no other.
            let special = File::options().write(true).open(path).map_err(cannot)?;
            return Ok(Self(match special.is_terminal() {
                true => Kind::SpecialTerminal(EscapingWriter::new(special)),
                false => Kind::Special(special),
            }));
        }
        let path = match there {
            Some(_) => path.canonicalize().map_err(cannot)?,
            None => path.to_owned(),
        };
        if there.is_some() && input == Some(path.as_path()) {
            return Err(OutputError::new(OutputErrorKind::SameFile, name));
        }
        match &there {
            Some(there) if there.is_dir() => {
                Err(cannot(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")))
            }
            // By its own name: the temporary file's would be in the error otherwise.
            None if folder_of(&path).is_some_and(|folder| !folder.is_dir()) => {
                Err(cannot(io::Error::new(io::ErrorKind::NotFound, "there is no such folder")))
            }
            _ => {
                let part = part_file(&path).map_err(cannot)?;
                if let Some(there) = there {
                    part.as_file().set_permissions(there.permissions()).map_err(cannot)?;
                }
                Ok(Self(Kind::File { part, path }))
            }
        }
    }

    /// The temporary file.
    pub(super) fn part(&self) -> Option<&Path> {
        match &self.0 {
            Kind::File { part, .. } => Some(part.path()),
            _ => None,
        }
    }

    /// Makes a file durable and gives it its name. When that fails the temporary file stays.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        let Kind::File { mut part, path } = self.0 else { return Ok(()) };
        part.disable_cleanup(true);
        die_at("export.sync");
        part.as_file().sync_all()?;
        die_at("export.rename");
        let file = part.persist(&path).map_err(|error| error.error)?;
        drop(file);
        die_at("export.renamed");
        // The new name is durable once its folder is. Not every file system can say so, and the rows are safe by now.
        if let Some(folder) = folder_of(&path) {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        remove_leftovers(&path);
        Ok(())
    }
}

/// A terminal, which must not obey what the platform or a file has written into a cell.
#[derive(Debug)]
struct EscapingWriter<W = io::Stdout> {
    out: W,
    /// The beginning of a character whose end has not come yet.
    rest: Vec<u8>,
    is_empty: bool,
}

impl<W> EscapingWriter<W> {
    fn new(out: W) -> Self {
        Self { out, rest: Vec::new(), is_empty: true }
    }
}

impl<W: Write> Write for EscapingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.rest.len(),
        };
        // A line end may have two characters, of which one alone would overwrite the line.
        let whole = whole - usize::from(self.rest.get(..whole).is_some_and(|ready| ready.ends_with(b"\r")));
        let ready: Vec<u8> = self.rest.drain(..whole).collect();
        let mut ready = String::from_utf8_lossy(&ready).replace("\r\n", "\n");
        // A byte-order mark in front is the file's own.
        if self.is_empty && ready.starts_with('\u{feff}') {
            ready.remove(0);
        }
        self.is_empty &= whole == 0;
        self.out.write_all(print::visible(&ready).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Stdout(stdout) => stdout.write(bytes),
            Kind::Terminal(terminal) => terminal.write(bytes),
            Kind::Special(file) => file.write(bytes),
            Kind::SpecialTerminal(terminal) => terminal.write(bytes),
            Kind::File { part, .. } => {
                // Results may have been paid for: from now on they are never thrown away.
                part.disable_cleanup(true);
                part.write(bytes)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Stdout(stdout) => stdout.flush(),
            Kind::Terminal(terminal) => terminal.flush(),
            Kind::Special(file) => file.flush(),
            Kind::SpecialTerminal(terminal) => terminal.flush(),
            Kind::File { part, .. } => part.flush(),
        }
    }
}

/// `NAME.numcheck-….part` beside `path`, so that renaming never crosses file systems. It is locked for as long as it is written.
fn part_file(path: &Path) -> io::Result<NamedTempFile> {
    let prefix = part_prefix(path)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a file"))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(PART);
    // As any other new file: the umask takes away what it takes away.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    loop {
        let part = builder.tempfile_in(folder_of(path).unwrap_or(Path::new(".")))?;
        // Not every file system has locks. Where one cannot be locked here, nobody else removes it either.
        let _ = part.as_file().lock();
        // Another process may have taken it for a leftover before it was locked.
        if part.path().exists() {
            return Ok(part);
        }
    }
}

const PART: &str = ".part";

fn part_prefix(path: &Path) -> Option<OsString> {
    let mut prefix = path.file_name()?.to_owned();
    prefix.push(".numcheck-");
    Some(prefix)
}

/// Removes what commands that were killed have left beside `path`, which is whole now. What is locked is being written.
fn remove_leftovers(path: &Path) {
    let (Some(folder), Some(prefix)) = (folder_of(path), part_prefix(path)) else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, prefix) = (entry.file_name(), prefix.as_encoded_bytes());
        let middle = name.as_encoded_bytes().strip_prefix(prefix);
        let middle = middle.and_then(|rest| rest.strip_suffix(PART.as_bytes()));
        if middle.is_none_or(|random| random.len() != 6 || !random.iter().all(u8::is_ascii_alphanumeric)) {
            continue;
        }
        // Opening what is no file might wait for ever.
        let Ok(found) = entry.path().symlink_metadata() else { continue };
        if !found.is_file() {
            continue;
        }
        let lock = File::options().write(true).open(entry.path());
        let is_found = |lock: &File| lock.metadata().is_ok_and(|opened| is_same(&opened, &found));
        let is_left = |lock: &File| is_found(lock) && lock.try_lock().is_ok();
        if lock.is_ok_and(|lock| is_left(&lock) && fs::remove_file(entry.path()).is_ok()) {
            print::say(&format!(
                "numcheck: note: removed {}, which a command that was ended has left",
                entry.path().display()
            ));
        }
    }
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::EscapingWriter;

    #[test]
    fn a_terminal_obeys_nothing_that_stands_in_a_cell_however_it_is_cut() {
        let text = "\u{feff}隐\u{1b}[2J\u{9b}1m\u{202e},\u{feff}o\rk\r\n";
        let whole = r"隐\u{1b}[2J\u{9b}1m\u{202e},\u{feff}o\u{d}k".to_owned() + "\n";
        for cut in 0..=text.len() {
            let mut terminal = EscapingWriter::new(Vec::new());
            let (head, tail) = text.as_bytes().split_at(cut);
            terminal.write_all(head).unwrap();
            terminal.write_all(tail).unwrap();
            assert_eq!(String::from_utf8(terminal.out).unwrap(), whole, "{cut}");
        }
        let mut terminal = EscapingWriter::new(Vec::new());
        terminal.write_all(b"a\xffb\n").unwrap();
        assert_eq!(terminal.out, "a\u{fffd}b\n".as_bytes());
    }
}
