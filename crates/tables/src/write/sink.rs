//! The target, behind gzip where that is asked for.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

#[derive(Debug)]
pub(super) enum Sink<W: Write> {
    Plain(W),
    Gzip(Box<GzEncoder<W>>),
}

impl<W: Write> Sink<W> {
    pub(super) fn new(to: W, gzip: bool) -> Self {
        if gzip { Self::Gzip(Box::new(GzEncoder::new(to, Compression::default()))) } else { Self::Plain(to) }
    }

    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(to) => Ok(to),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(to) => to.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(to) => to.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }
}
