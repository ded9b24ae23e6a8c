//! The store on PostgreSQL, against a real server that these tests start for themselves.

mod connections;
mod crash;
mod fixture;
mod lost_answer;
mod many;
mod odd_content;
mod opening;
mod patience;
mod secrecy;
mod suite;
mod tls;
mod versions;

use numcheck_bulk::conformance;
