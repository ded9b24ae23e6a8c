//! A transaction of a server, for the code that all stores share.

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, WrongType};

use super::fault::Fault;
use super::schema::SCOPES;
use super::session::Session;
use crate::fold::Arrived;
use crate::sql::fold::result;
use crate::sql::{Cell, Cells, GivenUp, Row, Statement, Tx, Value, Waiting, values};

type Result<T, E = Fault> = std::result::Result<T, E>;

/// Rows in one statement.
const AT_ONCE: usize = 20_000;

impl Tx for Session {
    type Fault = Fault;
    type Waiting = Appends;

    async fn run(&self, sql: impl Statement, values: &[Value<'_>]) -> Result<u64> {
        self.execute(sql.postgres(), values).await
    }

    async fn rows<R>(
        &self,
        sql: impl Statement,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<R, GivenUp>,
    ) -> Result<Vec<R>> {
        let rows = self.query(sql.postgres(), values).await?;
        rows.iter().map(|row| Ok(read(row)?)).collect()
    }

    async fn run_each<const N: usize>(&self, sql: impl Statement, of: &[[Value<'_>; N]]) -> Result<u64> {
        let mut changed = 0;
        for of in of.chunks(AT_ONCE) {
            changed += self.execute(sql.postgres(), &columns(of)).await?;
        }
        Ok(changed)
    }

    async fn rows_each<const N: usize, R>(
        &self,
        sql: impl Statement,
        of: &[[Value<'_>; N]],
        mut read: impl FnMut(&Row<'_>) -> Result<R, GivenUp>,
    ) -> Result<Vec<R>> {
        let mut all = Vec::new();
        for of in of.chunks(AT_ONCE) {
            for row in self.query(sql.postgres(), &columns(of)).await? {
                all.push(read(&row)?);
            }
        }
        Ok(all)
    }

    /// Two scopes that share a figure would only wait for each other.
    async fn lock_scope(&self, scope: i64) -> Result<()> {
        let sql = "SELECT 1 FROM pg_advisory_xact_lock($1, $2)";
        self.has(sql, &values![SCOPES, i64::from(scope as i32)]).await.map(drop)
    }

    async fn lock_table(&self, table: &'static str) -> Result<()> {
        self.batch(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")).await
    }

    /// By the appends that brought them: their keys become visible in the order of the commits, which is another.
    async fn arrived(&self, most: u32) -> Result<(Vec<Arrived>, Appends)> {
        let most = i64::from(most);
        let sql = "SELECT first, next, behind FROM inbox ORDER BY first LIMIT $1";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows: Vec<(i64, i64, i64)> = self.rows(sql, &values![most], read).await?;
        let mut appends = Appends { is_all: (rows.len() as i64) < most, ..Appends::default() };
        let (mut ids, mut left) = (Vec::new(), most);
        for (first, next, behind) in rows {
            let end = behind.min(next.saturating_add(left));
            ids.extend(next..end);
            left -= (end - next).max(0);
            if end < behind {
                appends.cut = Some((first, end)).filter(|_| end > next);
                appends.is_all = false;
                break;
            }
            appends.emptied.push(first);
        }
        let mut arrived = Vec::new();
        if !ids.is_empty() {
            let sql = "SELECT r.id, n.batch, r.batch_no, r.source, r.body, r.received_ms
                FROM results r LEFT JOIN batch_names n ON n.batch_no = r.batch_no WHERE r.id = ANY ($1) ORDER BY r.id";
            let read = |row: &Row<'_>| Ok(Arrived::new(row.get(0)?, row.get(1)?, result(row, 2)?));
            arrived = self.rows(sql, &values![&ids], read).await?;
        }
        Ok((arrived, appends))
    }

    async fn entered(&self, appends: &Appends) -> Result<()> {
        if !appends.emptied.is_empty() {
            let sql = "DELETE FROM inbox WHERE first = ANY ($1)";
            self.execute(sql, &values![&appends.emptied]).await?;
        }
        if let Some((first, next)) = appends.cut {
            let sql = "UPDATE inbox SET next = $2 WHERE first = $1";
            self.execute(sql, &values![first, next]).await?;
        }
        Ok(())
    }
}

/// The columns of rows, each an array.
pub(super) fn columns<'a, const N: usize>(rows: &[[Value<'a>; N]]) -> [Vec<Value<'a>>; N] {
    let mut columns = [const { Vec::new() }; N];
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(*value);
        }
    }
    columns
}

/// Appends whose results have arrived.
#[derive(Default)]
pub(crate) struct Appends {
    /// Those of which nothing is left.
    emptied: Vec<i64>,
    /// One of which something is left, and where that begins.
    cut: Option<(i64, i64)>,
    /// Whether there are no others.
    is_all: bool,
}

impl Waiting for Appends {
    fn is_any(&self) -> bool {
        !self.emptied.is_empty() || self.cut.is_some()
    }

    fn is_all(&self) -> bool {
        self.is_all
    }
}

type Written = Result<IsNull, Box<dyn std::error::Error + Sync + Send>>;

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Written {
        match (*self, ty) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Integer(value), &Type::INT8) => value.to_sql(ty, out),
            (Self::Integer(value), &Type::INT4) => i32::try_from(value)?.to_sql(ty, out),
            (Self::Integer(value), &Type::INT2) => i16::try_from(value)?.to_sql(ty, out),
            (Self::Integer(value), &Type::BOOL) => (value != 0).to_sql(ty, out),
            // PostgreSQL knows no NUL in a text, and one refused text must not hold up all others.
            (Self::Text(text), &Type::TEXT) if text.contains('\0') => {
                text.replace('\0', "\u{fffd}").to_sql(ty, out)
            }
            (Self::Text(text), &Type::TEXT) => text.to_sql(ty, out),
            (Self::Text(text), &Type::BYTEA) => text.as_bytes().to_sql(ty, out),
            (Self::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(ty, out),
            (Self::Integers(values), &Type::INT8_ARRAY) => values.to_sql(ty, out),
            (Self::Texts(texts), &Type::TEXT_ARRAY) => {
                texts.iter().map(Value::from).collect::<Vec<_>>().to_sql(ty, out)
            }
            _ => Err(WrongType::new::<Self>(ty.clone()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

impl Cells for tokio_postgres::Row {
    fn cell(&self, at: usize) -> Option<Cell<'_>> {
        self.try_get(at).ok()
    }
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Self::Integer(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Self::Integer(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(ty, raw)?.into()),
            Type::BYTEA => Self::Bytes(raw),
            _ => Self::Text(<&str>::from_sql(ty, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::INT4 | Type::INT2 | Type::BOOL | Type::BYTEA | Type::TEXT)
    }
}
