//! A file of text that appears under its name when it is complete, or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::exit::Failure;
use crate::output::is_stdout;

/// Where a text will stand. It is opened before the text is made, so that whoever names an unusable place is told at once.
pub(crate) struct WholeFile {
    place: Place,
    name: String,
}

enum Place {
    Stdout,
    /// A pipe or device, which has no half-written state.
    Special(File),
    File {
        part: NamedTempFile,
        path: PathBuf,
    },
}

impl WholeFile {
    /// Opens the place; `-` is standard output. A file that is there keeps its permissions, and a link stays one.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let place = Place::of(path)
            .map_err(|error| Failure::usage(format!("--output: {name} cannot be written")).because(error))?;
        Ok(Self { place, name })
    }

    /// Writes the text, makes it durable, and gives the file its name.
    pub(crate) fn write(self, text: &[u8]) -> Result<(), Failure> {
        self.place
            .write(text)
            .map_err(|error| Failure::new(format!("{} cannot be written", self.name)).because(error))
    }
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") || is_stdout(path) {
            return Ok(Self::Stdout);
        }
        let there = match fs::metadata(path) {
            Ok(there) if there.is_dir() => {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
            }
            Ok(there) if !there.is_file() => {
                return File::options().write(true).open(path).map(Self::Special);
            }
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let path = if there.is_some() { path.canonicalize()? } else { path.to_owned() };
        let mut builder = tempfile::Builder::new();
        // As any other new file: the umask takes away what it takes away.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let part = builder.suffix(".part").tempfile_in(folder.unwrap_or(Path::new(".")))?;
        if let Some(there) = there {
            part.as_file().set_permissions(there.permissions())?;
        }
        Ok(Self::File { part, path })
    }

    fn write(self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().lock().write_all(text),
            Self::Special(mut file) => file.write_all(text),
            Self::File { mut part, path } => {
                part.write_all(text)?;
                part.as_file().sync_all()?;
                part.persist(path).map(|_| ()).map_err(|error| error.error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_what_it_held_until_the_text_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let files = || fs::read_dir(folder.path()).unwrap().count();
        drop(WholeFile::create(&path).unwrap());
        assert_eq!(files(), 0, "where nothing was written nothing is left");
        fs::write(&path, "before").unwrap();
        let file = WholeFile::create(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before");
        file.write(b"after").unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), files()), (&b"after"[..], 1));
    }
}
