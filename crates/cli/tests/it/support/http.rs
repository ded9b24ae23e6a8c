//! As much of HTTP as a test needs: one message, one answer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

/// Pushes a body to a URL, as the platform does; the status of the answer.
pub(crate) fn push(url: &str, body: &str) -> std::io::Result<u16> {
    let answer = post(url, "", body)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other("no answer"))
}

/// Answers the next request with JSON.
pub(crate) fn answer(listener: &TcpListener, body: &str) {
    let (mut stream, _) = listener.accept().unwrap();
    read_message(&mut stream).unwrap();
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
}

/// Answers every request of a connection with the request itself.
pub(crate) fn echo(stream: &mut TcpStream, status: &str) {
    while let Some((head, body)) = read_message(stream) {
        let content = format!("{head}{}", String::from_utf8_lossy(&body));
        let (length, path) = (content.len(), head.split(' ').nth(1).unwrap_or("/"));
        let head = format!(
            "HTTP/1.1 {status}\r\nlocation: {path}\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n"
        );
        if stream.write_all(format!("{head}{content}").as_bytes()).is_err() {
            return;
        }
    }
}

/// Receives one push and acknowledges it.
pub(crate) fn receive(listener: &TcpListener) -> Value {
    let (mut stream, _) = listener.accept().unwrap();
    let (_, body) = read_message(&mut stream).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// Fetches a page; its content.
pub(crate) fn get(url: &str) -> std::io::Result<String> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(|| std::io::Error::other("no answer"))?;
    Ok(body.to_owned())
}

/// Sends JSON with these header lines; the whole answer.
pub(crate) fn post(url: &str, headers: &str, body: &str) -> std::io::Result<String> {
    post_bytes(url, &format!("content-type: application/json\r\n{headers}"), body.as_bytes())
}

/// The same with any bytes, and no other type than among the headers.
pub(crate) fn post_bytes(url: &str, headers: &str, body: &[u8]) -> std::io::Result<String> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host)?;
    let length = body.len();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n"
    );
    stream.write_all(&[request.as_bytes(), body].concat())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Reads the head and body of a request; `None` when the other side closes.
pub(crate) fn read_message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A header's value.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
