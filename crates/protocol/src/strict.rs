//! How a server takes a text field strictly, for the `TryFrom` of each request.
//!
//! It must not check values: the newtypes do.

use crate::error::ValueError;
use crate::field::Field;

/// The field's text, which must be there.
pub(crate) fn required<'a, T: AsRef<str>>(
    field: &'a Field<T>,
    name: &'static str,
) -> Result<&'a str, ValueError> {
    optional(field, name)?.ok_or(ValueError::new(name, "is required"))
}

/// The field's text; absent, null and empty are all "left out".
pub(crate) fn optional<'a, T: AsRef<str>>(
    field: &'a Field<T>,
    name: &'static str,
) -> Result<Option<&'a str>, ValueError> {
    match field {
        Field::Odd(_) => Err(ValueError::new(name, "must be a string")),
        field => Ok(field.get().map(AsRef::as_ref)),
    }
}
